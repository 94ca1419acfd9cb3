'use strict';
/* Actions: the text is CommonJS or an ES module that exports `main(event, callback)`; the result is what the first callback was
 * given, else what `main` returned. */
const { Promise, apply, charCodeAt, decodeUtf8, read, slice, Error, TypeError } = require('../intrinsics');
const { types: { isUint8Array } } = require('util');
const { isFurther, nodeVersion } = require('../compile');
const { encode } = require('../encode');
const { failure } = require('../errors');
const { compileCommonJS, compileModule, evaluate, exportsOf, importOf, refused, turnOff } = require('../modules');
const { define } = require('../realm');

const { queueMicrotask } = globalThis;
const EXITED = failure('ended_early', 'Error', 'The code ended its process before it was finished');

let event, given;

/* CommonJS if V8 takes it for that, for so most are written, and few texts are both. */
function prepare({ source }) {
  const common = compileCommonJS('javascript', source);
  if (common.failure === undefined) return { __proto__: null, program: common };
  const compiled = compileModule('javascript', source);
  if (compiled.failure !== undefined) return isFurther(compiled, common) ? compiled : common;
  const wanted = importOf(compiled.module);
  if (wanted === undefined) return { __proto__: null, program: compiled };
  return { __proto__: null, failure: failure('error', 'TypeError', refused('import', wanted).message, require('../completion').importLine(compiled.text)) };
}

/* A line for each write, as the console has a line for each call: a newline at the end is the line's own. */
const stream = (print) => ({
  isTTY: false,
  write(chunk, ...rest) {
    if (typeof chunk !== 'string' && !isUint8Array(chunk)) throw new TypeError('The chunk must be a string or a Uint8Array');
    const text = typeof chunk === 'string' ? chunk : decodeUtf8(chunk), last = rest[rest.length - 1];
    print(text.length > 0 && charCodeAt(text, text.length - 1) === 10 ? slice(text, 0, text.length - 1) : text);
    if (typeof last === 'function') queueMicrotask(() => { apply(last, undefined, []); });
    return true;
  },
});

/** Installs `process`, as far as actions are used to it: `env` is the configuration's, and nothing in it leads to Node. */
function install({ input }, lose) {
  const { log, error } = globalThis.console;
  const { env = {} } = input ?? {};
  event = input?.event ?? null;
  given = undefined;
  define('process', {
    env,
    argv: ['node', 'user.js'],
    platform: 'linux',
    version: 'v' + nodeVersion,
    versions: { node: nodeVersion },
    stdout: stream(log),
    stderr: stream(error),
    cwd() { return '/'; },
    nextTick(callback, ...args) { queueMicrotask(() => { apply(callback, undefined, args); }); },
    exit() { lose(EXITED); },
  });
}

function missing() {
  const error = new Error('The action exports no function main');
  error.name = 'MissingMain';
  return error;
}

/* In a box, for nothing may ask the value for a `then` once more. */
const boxed = (value) => ({ __proto__: null, value });

async function follow(running, awaited, give, reject) {
  try {
    const value = await running;
    if (value !== undefined || !awaited) give(value);
  } catch (e) { reject(e); }
}

/* What is given is the result from that moment on; the code goes on as far as its present turn goes. */
function begin(main, self) {
  const awaited = read(main, 'length') >= 2;
  let resolve, reject;
  const settled = new Promise((yes, no) => { resolve = yes; reject = no; });
  const give = (value) => { given ??= boxed(value); resolve(given); };
  try { follow(apply(main, self, [event, (value) => { give(value); }]), awaited, give, reject); } catch (e) { reject(e); }
  return settled;
}

async function run({ load, module }) {
  if (load === undefined) await evaluate(module);
  const exported = load === undefined ? exportsOf(module) : load();
  const self = typeof read(exported, 'main') === 'function' ? exported : read(exported, 'default'), main = read(self, 'main');
  if (typeof main !== 'function') throw missing();
  return await begin(main, self);
}

/** The fields of `done` for what the action gave. */
function finish({ value }, limits) {
  const { json, failure: problem } = encode(value, limits);
  return problem === undefined ? '"value":' + json : '"failure":' + problem;
}

const SAMPLES = [
  'exports.main = async (event, callback) => { console.log("in", event); callback({ outputFields: { a: process.env.A, b: [1, "two"] } }); }',
  'exports.main = async (event) => { const { email = "" } = event.inputFields; await new Promise((done) => setTimeout(done, 1)); return { outputFields: { email: email.trim() } }; }',
  'exports.main = () => { throw new TypeError("warm") }',
  'export async function main({ inputFields }) { process.stdout.write("x\\n"); return { outputFields: { ...inputFields } }; }',
  'import a from "a"', 'exports.main = (',
].map((source) => ({ source, input: { env: { A: '1' }, event: { inputFields: { email: ' a@b ' }, object: { objectId: 1 } } } }));

module.exports = { name: 'actions', boot: turnOff, prepare, install, run, finish, given: () => given, outlives: false, SAMPLES };
