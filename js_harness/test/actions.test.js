'use strict';
const assert = require('node:assert');
const { describe, test } = require('node:test');
const { run: runAny, exchange, DATA_BYTES, NODE18 } = require('./support.js');

const EVENT = { inputFields: { name: 'Ada' }, object: { objectId: 1 } };

/** Runs an action; `env` and `event` are its input. */
const run = (source, { env = {}, event = EVENT, ...options } = {}) => runAny(source, { dialect: 'actions', input: { env, event }, ...options });
/** What it gave, or the failure's kind, name and message. */
async function outcome(source, options) {
  const { done } = await run(source, options);
  return done.failure ? [done.failure.kind, done.failure.name, done.failure.message] : done.value;
}
const check = async (source) => (await exchange({ type: 'check', source, language: 'javascript', data_bytes: DATA_BYTES }, { dialect: 'actions' })).done;
const STALLED = ['stalled', 'Error', 'The code is waiting for something that can no longer happen'];
const EXITED = ['ended_early', 'Error', 'The code ended its process before it was finished'];
const MISSING = ['error', 'MissingMain', 'The action exports no function main'];

/* claim, source, outcome */
const RULES = [
  ['main is given the event', 'exports.main = (event) => event', EVENT],
  ['`this` is what exports main', 'exports.main = function () { return this === exports }', true],
  ['module.exports may be replaced', 'module.exports = class { static main() { return 1 } }', 1],
  ['an ES module', 'export const main = () => import.meta.url ?? 1', 1],
  ['an ES module with top-level await', 'const a = await 1; export function main() { return a }', 1],
  ['an ES module that exports an object', 'export default { main: () => 1 }', 1],
  ['an ES module that exports main and a default', 'export default { main: () => 1 }; export const main = () => 2', 2],
  ['CommonJS is not strict, its `this` is exports', 'x = 1; exports.main = () => x; this.y = 1; exports.z = exports.y', 1],
  ['globals like process may be shadowed', 'const process = { env: 1 }; let event = 2; exports.main = () => process.env', 1],
  ['undefined is null', 'exports.main = () => {}', null],
  ['a thenable is awaited as any', 'exports.main = () => ({ then(resolve) { resolve(1) } })', 1],
  ['what a callback is given is not', 'exports.main = (e, c) => c({ then(resolve) { resolve(1) }, a: 1 })', { a: 1 }],
  ['the callback', 'exports.main = (e, callback) => callback({ outputFields: 1 })', { outputFields: 1 }],
  ['the callback with nothing', 'exports.main = (e, callback) => callback()', null],
  ['the callback is bound', 'exports.main = (e, callback) => { [1].forEach(callback) }', 1],
  ['the first callback', 'exports.main = (e, c) => { c(1); c(2) }', 1],
  ['the callback before the returned value', 'exports.main = (e, c) => { c(1); return 2 }', 1],
  ['the returned value before a late callback', 'exports.main = (e, c) => { setTimeout(c, 1, 1); return 2 }', 2],
  ['null is a returned value', 'exports.main = (e, c) => { setTimeout(c, 1, 1); return null }', null],
  ['a callback that is awaited', 'exports.main = (e, c) => { setTimeout(c, 20, 1) }', 1],
  ['a callback that is awaited after an async main', 'exports.main = async (e, c) => { setTimeout(c, 20, 1) }', 1],
  ['one parameter awaits no callback', 'exports.main = function (e) { setTimeout(arguments[1], 20, 1) }', null],
  ['a callback that never comes', 'exports.main = (e, c) => {}', STALLED],
  ['an error after the callback', 'exports.main = (e, c) => { c(1); throw new Error("late") }', 1],
  ['an error in the callback\'s own turn', 'exports.main = (e, c) => { setTimeout(() => { c(1); throw new Error("late") }) }', 1],
  ['an error in a microtask after the callback', 'exports.main = async (e, c) => { queueMicrotask(() => { c(1); queueMicrotask(() => { throw 1 }) }) }', 1],
  ['a rejection after the callback', 'exports.main = async (e, c) => { c(1); Promise.reject(1); throw 1 }', 1],
  ['process.exit after the callback', 'exports.main = (e, c) => { c(1); process.exit() }', 1],
  ['process.exit', 'exports.main = () => { process.exit(0) }', EXITED],
  ['process.exit before main', 'process.exit(0); exports.main = () => 1', EXITED],
  ['a patched Promise spoils nothing of ours', 'Promise.prototype.then = Promise.resolve = null; globalThis.Promise = null; exports.main = async (e, c) => { await null; c(1) }', 1],
  ['a main whose length cannot be read', 'exports.main = Object.defineProperty((e, c) => 1, "length", { get() { throw 1 } })', 1],
  ['a proxy for exports', 'module.exports = new Proxy({}, { get(t, k) { if (k === "main") throw 1 } })', MISSING],
  ['no main', 'exports.mein = 1', MISSING],
  ['a main that is no function', 'exports.main = {}', MISSING],
  ['require', 'require("axios")', ['error', 'TypeError', "Cannot require 'axios': modules are off"]],
  ['require of anything but a text', 'require({ toString() { return "x" } })', ['error', 'TypeError', "Cannot require 'x': modules are off"]],
  ['a static import', 'import "axios"', ['error', 'TypeError', "Cannot import 'axios': modules are off"]],
  ['a dynamic import', 'exports.main = () => import("fs")', ['error', 'TypeError', "Cannot import 'fs': modules are off"]],
  ['a cycle', 'exports.main = (e) => (e.e = e)', ['not_serialisable', 'TypeError', /^Converting circular/]],
  ['the environment', 'exports.main = () => process.env', {}],
  ['process is a plain global', 'exports.main = () => [delete globalThis.process, typeof process]', [true, 'undefined']],
  ['process leads to nothing of Node\'s', 'exports.main = () => Object.keys(process).join()', 'env,argv,platform,version,versions,stdout,stderr,cwd,nextTick,exit'],
  ['nextTick', 'exports.main = (e, c) => { process.nextTick(c, 1) }', 1],
  ['a write calls back', 'exports.main = (e, c) => { process.stdout.write("x", "utf8", () => c(1)) }', 1],
  ['a write of anything else', 'exports.main = () => process.stdout.write({})', ['error', 'TypeError', 'The chunk must be a string or a Uint8Array']],
];

describe('actions', { concurrency: 3 }, () => {
  for (const [claim, source, expected] of RULES) {
    test(claim, async () => {
      const got = await outcome(source);
      if (Array.isArray(expected) && expected[2] instanceof RegExp) {
        assert.deepStrictEqual(got.slice(0, 2), expected.slice(0, 2));
        assert.match(got[2], expected[2]);
      } else assert.deepStrictEqual(got, expected);
    });
  }

  test('lines and columns are the user\'s, in both kinds of modules', async () => {
    for (const source of ['\nexports.main = () => {\n  null.x }', '\nexport const main = () => {\n  null.x }']) {
      const { failure } = (await run(source)).done;
      assert.deepStrictEqual([failure.line, failure.column], [3, 8]);
      assert.ok(!/sandboxd|node:|\n.*new Promise/.test(failure.stack), failure.stack);
    }
  });
  test('of two refusals the one that got further is told', async () => {
    assert.deepStrictEqual((await check('import "a";\nexport {\n')).failure.line, 3);
    assert.deepStrictEqual([(await check('a b')).failure.line, (await check('exports.main = (')).failure.name], [1, 'SyntaxError']);
  });
  test('a check runs nothing', async () => {
    for (const source of ['for (;;);', 'process.exit()', 'throw 1', 'eval("1"); require("fs")']) assert.deepStrictEqual(await check(source), { type: 'done', value: null });
  });
  test('a static import is found by a check, with its line', async () => {
    const { failure } = await check('// a\nimport a from "axios"');
    assert.deepStrictEqual([failure.message, failure.line], ["Cannot import 'axios': modules are off", 2]);
  });
  test('writes are lines, with their level', async () => {
    const { logs, levels } = await run('process.stdout.write("a\\n"); process.stderr.write("b"); process.stdout.write("c\\nd\\n\\n"); process.stdout.write(""); process.stdout.write(Buffer.from("é")); exports.main = () => {}');
    assert.deepStrictEqual([logs, levels], [['a', 'b', 'c\nd\n', '', 'é'], ['log', 'error', 'log', 'log', 'log']]);
  });
  test('writes are cut where the console is', async () => {
    const { logs, full } = await run('exports.main = () => { process.stdout.write("x".repeat(50)); process.stdout.write("y".repeat(100)); console.log("z") }', { limits: { output_bytes: 100 } });
    assert.deepStrictEqual([logs[0].length, logs[1].length, logs.length, full], [50, 49, 2, 1]);
  });
  test('the environment has any names', async () => {
    const env = JSON.parse('{"A":"1","__proto__":"x","constructor":"y"}');
    assert.deepStrictEqual(await outcome('exports.main = () => Object.entries(process.env)', { env }), Object.entries(env));
  });
  test('Node 18 runs them too', { skip: !NODE18 && 'no Node 18 here' }, async () => {
    const options = { node: NODE18 };
    assert.deepStrictEqual(await outcome('exports.main = (e, c) => c(process.env)', { ...options, env: { A: '1' } }), { A: '1' });
    assert.deepStrictEqual(await outcome('export const main = async (e) => e', options), EVENT);
  });
});
