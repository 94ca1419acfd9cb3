'use strict';
const assert = require('node:assert');
const { describe, test } = require('node:test');
const { run } = require('./support.js');

/** The fields of `done` that say what came out, or the failure's kind and message. */
async function outcome(source, options) {
  const { done } = await run(source, options);
  if (done.failure) return [done.failure.kind, done.failure.message];
  return done.returned === undefined ? done.value : { value: done.value, returned: done.returned };
}
const nested = (levels) => `let v = []; for (let i = 1; i < ${levels}; i++) v = ${'i % 2 ? { a: v } : [v]'};`;

/* claim, source, outcome */
const RULES = [
  ['untouched results and nothing returned', '1', {}],
  ['what is returned when results are untouched', 'return [1]', [1]],
  ['null is a returned value', 'return null', null],
  ['results that were filled', 'results.a = 1', { a: 1 }],
  ['results that were filled, beside what was returned', 'results.a = 1; return 2', { value: { a: 1 }, returned: 2 }],
  ['results that were replaced', 'results = { b: 2 }', { b: 2 }],
  ['results that were replaced by an empty object count as touched', 'results = {}; return 1', { value: {}, returned: 1 }],
  ['results that were replaced by a primitive', 'results = 5', 5],
  ['results filled after an await', 'await null; results.a = 1; return undefined', { a: 1 }],
  ['filled and emptied again is untouched', 'results.a = 1; delete results.a; return 3', 3],
  ['a local `let results` leaves the global alone', 'let results = { a: 1 }; results.b = 2; return results', { a: 1, b: 2 }],
  ['a local `const results` that is not returned', 'const results = { a: 1 }', {}],
  ['globalThis.results is the same', 'globalThis.results.a = 1; return this.results === results', { value: { a: 1 }, returned: true }],
  ['deleted results are the ones there were', 'results.a = 1; delete globalThis.results', { a: 1 }],
  ['an accessor in place of results is not run', 'Object.defineProperty(globalThis, "results", { get() { throw 1 } }); return 2', 2],
  ['results as a proxy that hides its keys', 'results = new Proxy({}, { ownKeys: () => [] }); return 1', { value: {}, returned: 1 }],
  ['undefined and functions are dropped', 'return { a: undefined, b() {}, c: Symbol(), d: 1, e: [undefined, () => 1] }', { d: 1, e: [null, null] }],
  ['a function alone is null', 'return () => 1', null],
  ['`__proto__` keys are data', 'return JSON.parse(\'{"__proto__":{"a":1}}\')', JSON.parse('{"__proto__":{"a":1}}')],
  ['`__proto__` keys of the input are data', 'return [Object.keys(input), input.a]', [['__proto__'], null]],
  ['toJSON and getters run', 'return { toJSON() { return { get a() { return new Date(0) } } } }', { a: '1970-01-01T00:00:00.000Z' }],
  ['a patched Object.prototype.toJSON spoils only the value', 'Object.prototype.toJSON = () => 7; return {}', 7],
  ['NaN, Infinity and -0 as JSON has them', 'return [NaN, Infinity, -0]', [null, null, 0]],
  ['a cycle', 'results.a = results', ['not_serialisable', /^Converting circular structure to JSON/]],
  ['a BigInt', 'return { a: 1n }', ['not_serialisable', 'Do not know how to serialize a BigInt']],
  ['a cycle beside good results', 'results.a = 1; const x = []; x[0] = x; return x', ['not_serialisable', /^Converting circular/]],
  ['a getter that throws', 'return { get a() { throw new TypeError("mine") } }', ['not_serialisable', 'mine']],
  ['toJSON that throws null', 'return { toJSON() { throw null } }', ['not_serialisable', 'null']],
  ['lone surrogates become U+FFFD', 'return ["\\ud800", "a\\udc00b", "\\ud83d\\ude00", { "\\ud800": 1 }]', ['\ufffd', 'a\ufffdb', '😀', { '\ufffd': 1 }]],
  ['a backslash before `ud800` is text', 'return ["\\\\ud800", "\\\\\\ud800"]', ['\\ud800', '\\\ufffd']],
  ['lone surrogates in raw JSON', 'return [JSON.rawJSON(\'"\\\\ud800"\'), JSON.rawJSON(\'"\\\\uD83D\\\\uDE00"\'), JSON.rawJSON(\'"\\\\ud800\\\\ud83d\\\\ude00"\')]', ['\ufffd', '😀', '\ufffd😀']],
  ['NULs are kept', 'return "a\\0b"', 'a\0b'],
  ['a text that looks like a frame', 'return \'","failure":{},"type":"done"}\'', '","failure":{},"type":"done"}'],
  ['a string of exactly the limit', 'return "x".repeat(98)', 'x'.repeat(98)],
  ['a string of one byte more', 'return "x".repeat(99)', ['result_too_large', 'The result is too large']],
  ['bytes of UTF-8 count: 49 of two', 'return "é".repeat(49)', 'é'.repeat(49)],
  ['bytes of UTF-8 count: 50 of two', 'return "é".repeat(50)', ['result_too_large', 'The result is too large']],
  ['results and what is returned have the limit each', 'results = "x".repeat(98); return results', { value: 'x'.repeat(98), returned: 'x'.repeat(98) }],
  ['too large beside good results', 'results.a = 1; return "x".repeat(99)', ['result_too_large', 'The result is too large']],
];

describe('results', { concurrency: 3 }, () => {
  for (const [claim, source, expected] of RULES) {
    test(claim, async () => {
      const got = await outcome(source, { limits: { result_bytes: 100 }, input: source.includes('input') ? JSON.parse('{"__proto__":{"a":1}}') : null });
      if (Array.isArray(expected) && expected[1] instanceof RegExp) {
        assert.strictEqual(got[0], expected[0]);
        assert.match(got[1], expected[1]);
      } else assert.deepStrictEqual(got, expected);
    });
  }

  test('256 levels pass', async () => {
    assert.strictEqual(JSON.stringify((await run(`${nested(256)} return v`)).done.value).replace(/[^[{]/g, '').length, 256);
  });
  test('257 levels are an error that names the limit', async () => {
    assert.deepStrictEqual(await outcome(`${nested(257)} return v`), ['not_serialisable', 'The result is nested deeper than 256 levels']);
  });
  test('100,000 levels are an error', async () => {
    assert.strictEqual((await outcome(`${nested(100000)} return v`))[0], 'not_serialisable');
  });
  test('brackets within strings are no levels', async () => {
    assert.strictEqual(await outcome('return "[".repeat(1000)'), '['.repeat(1000));
  });
  test('a result of exactly 1 MB passes', async () => {
    assert.strictEqual((await outcome('return "x".repeat(1048574)')).length, 1048574);
  });
  test('a result longer than any string may be is too large', async () => {
    assert.deepStrictEqual(await outcome('const s = "x".repeat(2 ** 22); return Array(200).fill(s)'), ['result_too_large', 'The result is too large']);
  });
  test('the input is there, whatever JSON it is', async () => {
    for (const input of [null, 0, '', 'é😀\u2028', [1, { a: [null] }], { constructor: 1 }]) assert.deepStrictEqual(await outcome('return [input]', { input }), [input]);
  });
});
