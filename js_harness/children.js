'use strict';
/* What a fork server does for its children before they are, and what each does first: be warm, and be nobody's twin. */
const { gzipSync } = require('zlib');
const { internalBinding } = require('internal/test/binding');
const { fetch, grant } = require('./fetch');
const host = require('./host');

const { setFlagsFromString } = internalBinding('v8');
const { random } = Math;
const { runMicrotasks } = internalBinding('task_queue');
const { process } = globalThis, { _tickCallback: turn } = process;

const LIMITS = Object.freeze({ __proto__: null, output_bytes: 1 << 20, result_bytes: 1 << 20, depth: 256 });
const ROUNDS = 5;

/** Loads what a first use would load, as long as Node is there. Math.random must not be called from here on.
 *
 * A marking of the heap that began here would go on in every child, and cost each of them 0.15 ms of CPU: there is none until
 * `warmFetch` has ended. */
function warmUp(dialect) {
  setFlagsFromString('--no-incremental-marking');
  for (const sample of dialect.SAMPLES) dialect.prepare(sample);
  dialect.warm?.();
}

const nothing = () => {};

/** A native module with nothing behind it: it brings one request and knows no walls, no seed and no end. */
const stage = (request) => ({
  __proto__: null, readFrame: () => request, writeFrame: nothing, watch: nothing, cpuTime: () => 0, exit: nothing,
  setLimit: nothing, limitHeap: nothing, restrictFiles: nothing, installFilter: nothing, confined: () => true,
  entropy: () => SKIP + 1,                                   // and so no number is drawn from the stream that it seeds
});

/** Requests for a rehearsal, each as the text of its frame. */
function rehearsals(dialect) {
  const { name, SAMPLES } = dialect;
  const common = { limits: LIMITS, input: null, data_bytes: 1 << 20, heap_bytes: 1 << 20, capabilities: { fetch: { base_url: null, request_bytes: 1 << 20 } } };
  const round = [...SAMPLES.map((sample) => ({ type: 'run', dialect: name, ...common, ...sample })), { type: 'check', ...common, ...SAMPLES[0] }];
  return Array(dialect.ROUNDS ?? ROUNDS).fill(round).flat().map((request) => JSON.stringify(request));
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

/** The same for fetch, with a daemon that answers at once. The last of it. */
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
  setFlagsFromString('--incremental-marking');
}

/* V8 takes 32 bits as a seed, and a seed that comes twice is a birthday away: so each child also begins somewhere else in its
 * stream. Not zero, which means the random numbers that the server has drawn, the same in every child. */
const SKIP = 255;
function reseed(entropy) {
  setFlagsFromString('--random-seed=' + String(entropy() >> 0 || 1));
  for (let skip = entropy() & SKIP; skip > 0; skip--) random();
}

module.exports = { warmUp, warmFetch, rehearsals, stage, runMicrotasks, reseed };
