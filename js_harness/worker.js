'use strict';
/* One worker, one request: boot once, announce `ready`, block, run, answer `done`, exit. */
const { ownKeys, parse, then, resolved, exec, String, Promise, rangeErrorPrototype, getPrototypeOf, defineProperty } = require('./intrinsics');
const { process, Buffer } = globalThis;
const { _rawDebug: rawDebug } = process, { apply: applyFunction } = Function.prototype;
const { describe, failure } = require('./errors');
const { hasTypeScript, nodeVersion } = require('./compile');
const { makeConsole } = require('./console');
const { encode } = require('./encode');
const { quote } = require('./text');
const fetch = require('./fetch');
const host = require('./host');
const timers = require('./timers');
const web = require('./web');
const realm = require('./realm');

const CHANNEL = 3;
const NOBODY = 1;                                            // /dev/null, as the launcher leaves it
const RLIMIT_DATA = 2;
const REQUEST_CAP = 128 << 20;                               // 16 MB of source, each byte of it escaped (`\u0001`), have 96
const NOTHING = /(?:)/;
const READY = '{"type":"ready","node":' + quote(nodeVersion) + ',"typescript":' + (hasTypeScript ? 'true' : 'false') + ',"cpu_us":';

/* One dialect a worker. Each has
 *   name                      as requests call it
 *   boot(codegen)             once, before Node is hidden
 *   prepare(request)          { program } or { failure }, before anything of the user's runs; `request.check` as the daemon said
 *   install(request, lose)    its globals; `lose(failureJson)` ends the code
 *   run(program)              begins the code; a promise of its value
 *   finish(value, limits)     the fields of `done`
 *   given()                   if code can give its value and go on: what it gave, undefined until then
 *   outlives                  whether code goes on after that promise until nothing is left to do
 *   SAMPLES, ROUNDS, warm()   requests that a fork server rehearses, how often each, and what else there is to warm */
const DIALECTS = { __proto__: null, 'code-nodes': './dialects/code_nodes', executions: './dialects/executions', actions: './dialects/actions' };

let native, channel = CHANNEL, allowed, children, dialect, settled = false, provided = false, ending = null, limits = { __proto__: null, output_bytes: 0 };

/** One frame to the daemon. When the daemon is gone there is nobody left to work for; a full stack is the user's to handle. */
function send(json) {
  try { native.writeFrame(channel, json); } catch (e) {
    if (getPrototypeOf(e) === rangeErrorPrototype) throw e;
    native.exit(1);
  }
}

const outputBytes = () => limits.output_bytes;

/** The one `done`; ends the process, and with it every pending timer and promise. */
function finish(fields) {
  if (settled) return;
  settled = true;
  send('{"type":"done",' + fields + '}');
  native.exit(0);
}
const fail = (failureJson) => finish('"failure":' + failureJson);

/** The code has come to another end than that of its promise. If it had given its value by then, that counts. */
function lose(failureJson) {
  const given = dialect.given?.();
  if (given === undefined) fail(failureJson); else finish(dialect.finish(given, limits));
}

function check(request) {
  const { failure: problem } = dialect.prepare({ ...request, check: true });
  finish(problem === undefined ? '"value":null' : '"failure":' + problem);
}

function run(request) {
  const { program, failure: problem } = dialect.prepare(request);
  if (problem !== undefined) { fail(problem); return; }
  limits = request.limits;
  fetch.grant(request.capabilities.fetch);
  if (!provided) fetch.provideFor(request.source, allowed);
  dialect.install(request, lose);
  web.startClock();
  exec(NOTHING, '');                                         // RegExp.lastMatch and its like do not tell what was matched before
  then(resolved(), () => { settle(program); });              // from the microtask queue, so that no frame of ours lies below the user's
}

/* `await`, because a `.then` chain would look up the `then` that the code may have patched; so would a promise that we hand on
 * (hence no `return` above). `await` itself looks up `constructor`: one that is surely right is put there. */
async function settle(program) {
  let value;
  try {
    const running = dialect.run(program);
    defineProperty(running, 'constructor', { __proto__: null, value: Promise });
    value = await running;
  } catch (e) { fail(describe(e, 'error')); return; }
  ending = () => finish(dialect.finish(value, limits));
  if (!dialect.outlives) ending();
}

/* No code of anybody's: the canary prints what each attempt gave, and is expected to end by the last. */
async function canary(request) {
  await require('./canary').sing(request.attempts, (gave) => send('{"type":"log","level":"info","text":' + quote(gave) + '}'));
  finish('"value":null');
}

const REQUESTS = { __proto__: null, run, check, canary };

/* What ends a program without a settled promise, told apart. The `exit` listener comes last: it would hide why a boot failed.
 * Node calls a listener by its `apply`, which is looked up where code may have patched it: each has its own. */
function watchTheEnd() {
  let drained = false;
  const on = (event, listener) => { defineProperty(listener, 'apply', { __proto__: null, value: applyFunction }); process.on(event, listener); };
  process.setUncaughtExceptionCaptureCallback((e) => lose(describe(e, 'uncaught')));
  on('unhandledRejection', (e) => lose(describe(e, 'unhandled_rejection')));
  process.reallyExit = native.exit;
  on('beforeExit', () => { drained = true; if (ending !== null) ending(); else fail(failure('stalled', 'Error', 'The code is waiting for something that can no longer happen')); });
  on('exit', () => { if (!drained) fail(failure('ended_early', 'Error', 'The code ended its process before it was finished')); native.exit(0); });
}

const bytes = (base64) => Buffer.from(base64, 'base64');

/* The last filter, and proof of it: no byte of the user's is read before. */
function confine(filter) {
  native.installFilter(filter);
  if (!native.confined()) throw new Error('the last filter is not on');
}

/* What stands around each child, decoded once. */
const readWalls = ({ children: { filter, limits }, domain }) => ({ filter: bytes(filter), limits, domain: domain === '' ? null : bytes(domain) });

/* A child of the fork server, which it leaves here: what must not be shared with its siblings, then its own, tighter walls. */
function becomeChild(walls) {
  children.reseed(native);
  for (const [which, soft, hard] of walls.limits) native.setLimit(which, soft, hard);
  if (walls.domain !== null) native.restrictFiles(walls.domain);
  confine(walls.filter);
}

/* A step on the way behind the walls that fails ends the worker, with the reason on stderr, where the daemon looks for it. */
function orEnd(step, what) {
  try { step(what); } catch (e) {
    rawDebug(e.message);
    native.exit(1);
  }
}

/* In a function of its own, so that of a large program the frame is garbage by the time that it is compiled. */
function readRequest() {
  const frame = native.readFrame(CHANNEL, REQUEST_CAP);
  if (frame === null) native.exit(0);
  return parse(frame);
}

/* The one request. Whoever forgets the memory limit gets no execution without one: the daemon knows what this worker has, and it
 * can only go down. */
function serveOne() {
  host.attach(native, send);
  send(READY + String(native.cpuTime()) + '}');
  const request = readRequest();
  if (!(request.data_bytes > 0)) native.exit(1);
  native.setLimit(RLIMIT_DATA, request.data_bytes);
  if (request.heap_bytes > 0) native.limitHeap(request.heap_bytes);
  if (request.type === 'run' && request.dialect !== dialect.name) fail(failure('unsupported', 'Error', 'This worker has no dialect ' + String(request.dialect)));
  REQUESTS[request.type](request);
}

/* All that a child does, done by the server on a stage: what nobody has called before a fork each child has to compile for itself,
 * and that took a third of its CPU. A sample leaves nothing to be done, or the children would do it. */
function rehearse(walls, like) {
  const real = native, { console } = globalThis, before = new Set(ownKeys(globalThis));
  channel = NOBODY;
  for (const request of children.rehearsals(dialect, like)) {
    native = children.stage(request, real);
    globalThis.console = makeConsole(send, outputBytes);
    becomeChild(walls);
    serveOne();
    children.runMicrotasks();
    children.runTimers();
    if (ending !== null) ending();
    if (!settled) throw new Error('a sample did not come to its end: ' + request);
    settled = false;
    ending = null;
  }
  children.print(() => makeConsole(send, outputBytes));
  children.measure(encode, like.run.limits);
  children.wait(timers.globals);
  channel = CHANNEL;
  native = real;
  globalThis.console = console;
  for (const key of ownKeys(globalThis)) if (!before.has(key)) delete globalThis[key];
}

/* The fork server: it answers `ready` too, and from `serve` on each child goes its own way. */
function serveMany(filter, walls) {
  orEnd(() => {
    native.takeStock(CHANNEL);
    native.gather(true);
    native.installFilter(filter);
  });
  send(READY + String(native.cpuTime()) + '}');
  native.serve(CHANNEL);
  orEnd(becomeChild, walls);                                 // no new function here: it would be compiled by each child
  serveOne();
}

/** Boots the realm by its configuration (see harness.js), answers `ready` and serves the one request that comes; with
 * `children` it is a fork server, and they do.
 *
 * The filter is the last thing before `ready`: no byte of the user's is read while anything is still allowed that only a boot
 * needs. A server blocks in a microtask, so that nothing of Node's start is left to do in its children. */
function start(config, parts) {
  native = parts.native;
  native.watchable(CHANNEL);
  allowed = new Set(config.globals);
  dialect = require(DIALECTS[config.dialect]);
  dialect.boot(config.codegen);
  if (config.children) {
    children = require('./children');                        // not before: what it brings along would cost an exec worker 4 MB
    children.warmUp(dialect);
  }
  realm.hide({ allowed, threads: config.threads, console: makeConsole(send, outputBytes) });
  watchTheEnd();
  if (config.children) {
    fetch.provideFor(null, allowed);
    children.warmFetch();
    const walls = readWalls(config), filter = bytes(config.filter);
    rehearse(walls, config.children.requests);
    children.close();
    provided = true;
    then(resolved(), () => { serveMany(filter, walls); });
    return;
  }
  native.gather(false);
  if (config.filter !== undefined) orEnd(confine, bytes(config.filter));
  serveOne();
}

module.exports = { start };
