'use strict';
/* What a fork server does for its children before they are, and what each does first: be warm, and be nobody's twin. */
const { gzipSync } = require('zlib');
const { internalBinding } = require('internal/test/binding');
const { getTimerCallbacks } = require('internal/timers');
const { fetch, grant } = require('./fetch');
const host = require('./host');
const timers = require('./timers');

const { setFlagsFromString } = internalBinding('v8');
const { random } = Math;
const { runMicrotasks } = internalBinding('task_queue');
const { getLibuvNow: now } = internalBinding('timers');
const { process } = globalThis, { _tickCallback: turn } = process;
const { processTimers } = getTimerCallbacks(turn);

const ROUNDS = 5;
const CONSOLES = 20;
const LINES = 150;
const RESULTS = 20;
const ITEMS = 500;
const TIMERS = 100;
const MINUTE = 60_000;

/** Loads what a first use would load, as long as Node is there. Math.random must not be called from here on.
 *
 * A marking of the heap that began here would go on in every child, and cost each of them 0.15 ms of CPU: there is none before
 * `close`. */
function warmUp(dialect) {
  setFlagsFromString('--no-incremental-marking');
  for (const sample of dialect.SAMPLES) dialect.prepare(sample);
  dialect.warm?.();
}

const nothing = () => {};

const FAKES = {
  watch: nothing, exit: nothing, setLimit: nothing, limitHeap: nothing, restrictFiles: nothing, installFilter: nothing,
  cpuTime: () => 0, confined: () => true, reseed: () => 0,           // and so no number is drawn from the stream that it seeds
};

/** A native module with nothing behind it: it brings one request, writes frames, and knows no walls, no seed and no end.
 *
 * It has the real one's properties in the real one's order, and writes by its function: V8 binds code to the shapes and functions
 * that it has met, and would learn others anew, in each child. */
function stage(request, real) {
  const native = {}, fakes = { ...FAKES, readFrame: () => request };
  for (const name in real) native[name] = fakes[name] ?? real[name];
  return native;
}

/** Requests for a rehearsal, each as the text of its frame. `like` has one of each kind as the daemon writes it, because the order
 * of its fields is such a shape. */
function rehearsals({ SAMPLES, ROUNDS: rounds = ROUNDS }, like) {
  const round = [...SAMPLES.map((sample) => ({ ...like.run, ...sample })), { ...like.check, source: SAMPLES[0].source }];
  return Array(rounds).fill(round).flat().map((request) => JSON.stringify(request));
}

/** What a loop would do that came to its timers in a minute: there is none yet, and children shall find no timer of ours. */
function runTimers() {
  processTimers(now() + MINUTE);
  runMicrotasks();
  timers.forget();
}

/** Starts and stops timers and lets them fire, until Node's part in that is compiled: five timers took a child 0.5 ms more. Of five
* times as many V8 has made up its mind to optimise something, and each child would begin with that. */
function wait({ setTimeout, clearTimeout }) {
  for (let i = 0; i < TIMERS; i++) { setTimeout(nothing, i % 10, i); clearTimeout(setTimeout(nothing, i)); }
  runTimers();
}

/** Prints to consoles that `make` makes: more than one, because each has functions of its own. In the end all that a line goes
 * through is optimised; a child, which has one thread, would do that in the time of its code, 1.5 ms, as soon as it printed a lot. */
function print(make) {
  for (let one = 0; one < CONSOLES; one++) {
    const console = make();
    for (let i = 0; i < LINES; i++) {
      console.log('line', i);
      if (i % 5 === 0) console.error(`${i}: ü`, i / 3, { [`k${i}`]: i, b: { c: ['d', null] } }, [i, 'e'], [i], true, new Error('f'));
    }
  }
}

/** Encodes long results, with many brackets and with few: the depth of the former is found by a look at each byte, 2 ms for 50 KB
* in a child whose code for that is cold. */
function measure(encode, limits) {
  const many = Array(ITEMS).fill({ id: 1, name: 'a "quoted" ü\\', of: ['b', null, { c: -0.5 }] }), few = Array(ITEMS).fill(1000);
  for (let one = 0; one < RESULTS; one++) { encode(many, limits); encode(few, limits); }
}

const WARM = 'http://warm/';
const ANSWERS = [
  { status: 200, status_text: 'OK', headers: [['Content-Type', 'application/json'], ['Content-Encoding', 'gzip']], body: gzipSync('{"a":1}').toString('base64') },
  { status: 302, status_text: 'Found', headers: [['Location', '/other']], body: null },
  { status: 404, status_text: 'Not Found', headers: [['Content-Length', '1']], body: 'eA==' },
];
/* No form: what parts its fields is random, and Node keeps random numbers in store, which every child would have. */
const FETCHES = [
  async () => (await fetch(WARM)).json(),
  async () => (await fetch(WARM, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: 'x' }, body: '{"a":1}' })).text(),
  async () => { const { ok, headers, body } = await fetch(WARM, { signal: new AbortController().signal }); if (!ok) await body.getReader().read(); return headers.get('a'); },
];

/** The same for fetch, with a daemon that answers at once. */
function warmFetch() {
  let hear, frame, asked = 0, answered = 0;
  host.attach({ watch(call) { hear = call; }, readFrame: () => frame }, () => { asked++; });
  grant({ base_url: null, request_bytes: 1 << 20 });
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of FETCHES) one().catch(() => {});
    for (turn(); answered < asked; turn()) {
      const answer = answered % 7 === 6 ? { error: { name: 'TypeError', message: 'fetch failed: warm', rule: '' } } : { value: ANSWERS[answered % ANSWERS.length] };
      frame = JSON.stringify({ type: 'host_result', id: ++answered, ...answer });
      hear();
    }
  }
  grant(undefined);
}

/** The last before the first fork. */
const close = () => setFlagsFromString('--incremental-marking');

/** Random numbers of its own, for a child. V8 takes 32 bits as a seed, and a seed that comes twice is a birthday away: so each also
* begins somewhere else in its stream. */
function reseed(native) {
  for (let ahead = native.reseed(); ahead > 0; ahead--) random();
}

module.exports = { warmUp, warmFetch, rehearsals, stage, print, measure, wait, runMicrotasks, runTimers, close, reseed };
