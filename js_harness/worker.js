'use strict';
/* One worker, one request: boot once, announce `ready`, block, run, answer `done`, exit. */
const { parse, then, resolved, exec, String, Promise, rangeErrorPrototype, getPrototypeOf, defineProperty } = require('./intrinsics');
const { process, Buffer } = globalThis;
const { _rawDebug: rawDebug } = process;
const { describe, failure } = require('./errors');
const { compileBody, stripTypes, prepare, hasTypeScript, nodeVersion } = require('./compile');
const { makeConsole } = require('./console');
const { quote } = require('./text');
const fetch = require('./fetch');
const host = require('./host');
const web = require('./web');
const realm = require('./realm');
const checker = require('./check');

const CHANNEL = 3;
const RLIMIT_DATA = 2;
const REQUEST_CAP = 64 << 20;
const NOTHING = /(?:)/;
const READY = '{"type":"ready","node":' + quote(nodeVersion) + ',"typescript":' + (hasTypeScript ? 'true' : 'false') + ',"cpu_us":';
const DIALECTS = { __proto__: null, 'code-nodes': require('./dialects/code_nodes') };

let native, allowed, children, settled = false, provided = false, limits = { __proto__: null, output_bytes: 0 };

/** One frame to the daemon. When the daemon is gone there is nobody left to work for; a full stack is the user's to handle. */
function send(json) {
  try { native.writeFrame(CHANNEL, json); } catch (e) {
    if (getPrototypeOf(e) === rangeErrorPrototype) throw e;
    native.exit(1);
  }
}

/** The one `done`; ends the process, and with it every pending timer and promise. */
function finish(fields) {
  if (settled) return;
  settled = true;
  send('{"type":"done",' + fields + '}');
  native.exit(0);
}
const fail = (failureJson) => finish('"failure":' + failureJson);

const finding = (found) => failure('finding', 'ValidationError', found.message, found.line, found.column);

/* Stripped, compiled and checked, in the order of the validation rules: brackets and imports of a text that V8 refuses come
 * before V8's own words, forbidden names only matter in a text that it accepts. */
function prepareSource(request) {
  let source = request.source;
  if (request.language === 'typescript') {
    const stripped = stripTypes(source);
    if (stripped.failure !== undefined) {
      const early = request.check && stripped.refused ? checker.check(source, true) : null;
      return early ? { __proto__: null, failure: finding(early) } : stripped;
    }
    source = stripped.text;
  }
  const compiled = compileBody(source);
  const found = request.check ? checker.check(source, compiled.failure !== undefined) : null;
  return found ? { __proto__: null, failure: finding(found) } : compiled;
}

function check(request) {
  const { failure: problem } = prepareSource({ ...request, check: true });
  finish(problem === undefined ? '"value":null' : '"failure":' + problem);
}

function run(request) {
  const dialect = DIALECTS[request.dialect];
  if (dialect === undefined) { fail(failure('unsupported', 'Error', 'This worker has no dialect ' + String(request.dialect))); return; }
  const { script, failure: problem } = prepareSource(request);
  if (problem !== undefined) { fail(problem); return; }
  limits = request.limits;
  fetch.grant(request.capabilities.fetch);
  if (!provided) fetch.provideFor(request.source, allowed);
  dialect.install(request);
  web.startClock();
  exec(NOTHING, '');                                         // RegExp.lastMatch and its like do not tell what was matched before
  then(resolved(), () => { settle(script, dialect); });    // from the microtask queue, so that no frame of ours lies below the user's
}

/* `await`, because a `.then` chain would look up the `then` that the code may have patched; so would a promise that we hand on
 * (hence no `return` above). `await` itself looks up `constructor`: one that is surely right is put there. */
async function settle(script, dialect) {
  let value;
  try {
    const running = script.runInThisContext()();
    defineProperty(running, 'constructor', { __proto__: null, value: Promise });
    value = await running;
  } catch (e) { fail(describe(e, 'error')); return; }
  finish(dialect.finish(value, limits));
}

/* No code of anybody's: the canary prints what each attempt gave, and is expected to end by the last. */
async function canary(request) {
  await require('./canary').sing(request.attempts, (gave) => send('{"type":"log","level":"info","text":' + quote(gave) + '}'));
  finish('"value":null');
}

const REQUESTS = { __proto__: null, run, check, canary };

/* What ends a program without a settled promise, told apart. The `exit` listener comes last: it would hide why a boot failed. */
function watchTheEnd() {
  let drained = false;
  process.setUncaughtExceptionCaptureCallback((e) => fail(describe(e, 'uncaught')));
  process.on('unhandledRejection', (e) => fail(describe(e, 'unhandled_rejection')));
  process.reallyExit = native.exit;
  process.on('beforeExit', () => { drained = true; fail(failure('stalled', 'Error', 'The code is waiting for something that can no longer happen')); });
  process.on('exit', () => { if (!drained) fail(failure('ended_early', 'Error', 'The code ended its process before it was finished')); native.exit(0); });
}

/* The last filter, and proof of it: no byte of the user's is read before. */
function confine(filter) {
  native.installFilter(Buffer.from(filter, 'base64'));
  if (!native.confined()) throw new Error('the last filter is not on');
}

/* A child of the fork server, which it leaves here: what must not be shared with its siblings, then its own, tighter walls. */
function becomeChild({ filter, limits }, domain) {
  children.reseed(native.entropy);
  for (const [which, soft, hard] of limits) native.setLimit(which, soft, hard);
  if (domain !== '') native.restrictFiles(Buffer.from(domain, 'base64'));
  confine(filter);
}

/* A step on the way behind the walls that fails ends the worker, with the reason on stderr, where the daemon looks for it. */
function orEnd(step) {
  try { step(); } catch (e) {
    rawDebug(e.message);
    native.exit(1);
  }
}

/* The one request. Whoever forgets the memory limit gets no execution without one: the daemon knows what this worker has, and it
 * can only go down. */
function serveOne() {
  host.attach(native, send);
  send(READY + String(native.cpuTime()) + '}');
  const frame = native.readFrame(CHANNEL, REQUEST_CAP);
  if (frame === null) native.exit(0);
  const request = parse(frame);
  if (!(request.data_bytes > 0)) native.exit(1);
  native.setLimit(RLIMIT_DATA, request.data_bytes);
  REQUESTS[request.type](request);
}

/* The fork server: it answers `ready` too, and from `serve` on each child goes its own way. */
function serveMany(config) {
  orEnd(() => {
    native.takeStock(CHANNEL);
    native.gather(true);
    native.installFilter(Buffer.from(config.filter, 'base64'));
  });
  send(READY + String(native.cpuTime()) + '}');
  native.serve(CHANNEL);
  orEnd(() => becomeChild(config.children, config.domain));
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
  prepare(config.codegen);
  if (config.children) {
    children = require('./children');                        // not before: what it brings along would cost an exec worker 4 MB
    children.warmUp();
  }
  realm.hide({ allowed, threads: config.threads, console: makeConsole(send, () => limits.output_bytes) });
  watchTheEnd();
  if (config.children) {
    fetch.provideFor(null, allowed);
    children.warmFetch();
    provided = true;
    then(resolved(), () => { serveMany(config); });
    return;
  }
  native.gather(false);
  if (config.filter !== undefined) orEnd(() => confine(config.filter));
  serveOne();
}

module.exports = { start };
