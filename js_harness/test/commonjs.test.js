'use strict';
/* CommonJS in a plain Node: the dialect that uses it is tried as a whole elsewhere. */
const assert = require('node:assert');
const { describe, test } = require('node:test');
const { execFileSync } = require('node:child_process');
const { join } = require('node:path');

const PROGRAM = `
const { compileCommonJS, turnOff } = require(${JSON.stringify(join(__dirname, '..', 'modules.js'))});
require(${JSON.stringify(join(__dirname, '..', 'errors.js'))}).install();
turnOff();
const told = [];
async function load({ language, source }) {
  const { load, failure } = compileCommonJS(language, source);
  if (failure !== undefined) return { failure: JSON.parse(failure) };
  try { const exports = load(); return { value: await (exports.main ? exports.main() : exports) }; } catch (e) { return { thrown: e.message, stack: e.stack.split('\\n')[1] }; }
}
(async () => { for (const one of JSON.parse(process.argv[1])) told.push(await load(one)); console.log(JSON.stringify(told)); })();`;

/* source, value */
const VALUES = [
  ['exports.main = () => 1', 1], ['module.exports = { main: async () => 2 }', 2], ['module.exports = 3', 3], ['this === exports && (exports.a = 4)', { a: 4 }], ['exports = 5', {}], ['return', {}], ['#!/bin/node\nexports.a = 6', { a: 6 }],
  ['exports.main = () => { undeclared = 7; return delete globalThis.undeclared }', true], ['exports.a = [typeof module, typeof require, typeof exports, typeof arguments, arguments.length]', { a: ['object', 'function', 'object', 'object', 3] }],
  ['if (require.main === module) exports.a = 1', {}], ['"use strict"; exports.a = (function () { return typeof this })()', { a: 'undefined' }], ['exports.main = async () => { try { await import("fs") } catch (e) { return e.message } }', "Cannot import 'fs': modules are off"],
  ['exports.a = 1 // comment', { a: 1 }], ['with ({ b: 8 }) exports.a = b', { a: 8 }], ['let a: number = 1; exports.a = a', { a: 1 }], ['const a = 1, b = 2; exports.a = [a < b, b > (2)]', { a: [true, false] }],
];
/* source, message, and the place in the stack */
const THROWN = [
  ['\n require("fs")', "Cannot require 'fs': modules are off", '    at Object.<anonymous> (user.js:2:2)'], ['require("./x")', "Cannot require './x': modules are off", '    at Object.<anonymous> (user.js:1:1)'], ['exports.main = () => {\n  null.x }', "Cannot read properties of null (reading 'x')", '    at exports.main (user.js:2:8)'],
  ['null.x //# sourceURL=/etc/evil', "Cannot read properties of null (reading 'x')", '    at Object.<anonymous> (user.js:1:6)'],
];
/* source, line, column */
const SYNTAX = [['a b', 1, 3], ['\n}); (() => {', 2, 1], ['if (1) {', 1, undefined], ['export default 1', 1, 1], ['await 1', 1, 1], ['let a: number = ;', 1, 17], ['import.meta', 1, 8], ['*/ /*', 1, undefined]];

const ask = (sources) => JSON.parse(execFileSync(process.execPath, ['--no-warnings', '--expose-internals', '-e', PROGRAM, JSON.stringify(sources.map((source) => ({ language: 'auto', source })))], { encoding: 'utf8' }));

describe('CommonJS', () => {
  const values = ask(VALUES.map(([source]) => source)), thrown = ask(THROWN.map(([source]) => source)), syntax = ask(SYNTAX.map(([source]) => source));
  VALUES.forEach(([source, value], i) => test(`${JSON.stringify(source)} exports ${JSON.stringify(value)}`, () => assert.deepStrictEqual(values[i], { value })));
  THROWN.forEach(([source, message, stack], i) => test(`${JSON.stringify(source)} throws`, () => assert.deepStrictEqual(thrown[i], { thrown: message, stack })));
  SYNTAX.forEach(([source, line, column], i) => {
    test(`syntax error of ${JSON.stringify(source)} is at ${line}:${column}`, () => {
      const { failure } = syntax[i];
      assert.deepStrictEqual([failure.kind, failure.line, failure.column], ['syntax', line, column]);
    });
  });
});
