'use strict';
/* One worker, one request: boot once, announce `ready`, block, run, answer `done`, exit. */
const { parse, then, resolved, String, Promise, rangeErrorPrototype, getPrototypeOf, defineProperty } = require('./intrinsics');
const { process, Buffer } = globalThis;
const { describe, failure } = require('./errors');
const { compileBody, stripTypes, prepare, hasTypeScript, nodeVersion } = require('./compile');
const { makeConsole } = require('./console');
const { quote } = require('./text');
const web = require('./web');
const realm = require('./realm');
const checker = require('./check');

const CHANNEL = 3;
const RLIMIT_DATA = 2;
const REQUEST_CAP = 64 << 20;
const DIALECTS = { __proto__: null, 'code-nodes': require('./dialects/code_nodes') };

let native, allowed, settled = false, limits = { __proto__: null, output_bytes: 0 };

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
  web.provideFetchClasses(request.source, allowed);
  dialect.install(request);
  web.startClock();
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

/** Boots the realm by its configuration (see harness.js), answers `ready` and serves the one request that comes.
 *
 * The filter is the last thing before `ready`: no byte of the user's is read while anything is still allowed that only a boot
 * needs. The memory limit is the first thing after: the daemon knows what this worker has, and it can only go down. */
function start(config, parts) {
  native = parts.native;
  allowed = new Set(config.globals);
  prepare(config.codegen);
  checker.warm && config.warm && checker.warm();
  realm.hide({ allowed, threads: config.threads, console: makeConsole(send, () => limits.output_bytes) });
  watchTheEnd();
  if (config.filter !== undefined) native.installFilter(Buffer.from(config.filter, 'base64'));
  send('{"type":"ready","node":' + quote(nodeVersion) + ',"typescript":' + (hasTypeScript ? 'true' : 'false') + '}');
  const frame = native.readFrame(CHANNEL, REQUEST_CAP);
  if (frame === null) native.exit(0);
  const request = parse(frame);
  if (!(request.data_bytes > 0)) native.exit(1);             // whoever forgets the limit gets no execution without one
  native.setLimit(RLIMIT_DATA, request.data_bytes);
  REQUESTS[request.type](request);
}

module.exports = { start };
