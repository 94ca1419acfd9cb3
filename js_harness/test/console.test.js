'use strict';
const assert = require('node:assert');
const { describe, test } = require('node:test');
const util = require('node:util');
const { run } = require('./support.js');

/* The contract's "as Node's util.inspect would show it on one line": the oracle. */
const LINE = { depth: 4, maxArrayLength: 100, maxStringLength: 10000, breakLength: Infinity };
const seen = (value) => util.inspect(value, LINE);

/* What is logged, as source; what stands in the entry. */
const TEXTS = [
  ['"a\\nb"', 'a\nb'], ['""', ''], ['', ''], ['"a", "b"', 'a b'], ['1.5, -0, NaN, Infinity', '1.5 0 NaN Infinity'], ['true, null, undefined', 'true null undefined'], ['10n', '10n'], ['Symbol("x")', 'Symbol(x)'],
  ['"Evens:", [2, 4]', 'Evens: 2,4'], ['[]', ''], ['[null, undefined, "a", true, 1n]', ',,a,true,1'], ['[[1]]', '[ [ 1 ] ]'], ['[1, , 3]', '1,,3'], ['[Symbol("x")]', '[ Symbol(x) ]'], ['[1, { a: 2 }]', '[ 1, { a: 2 } ]'],
  ['new Error("m")', 'Error: m'], ['new TypeError("")', 'TypeError'], ['Object.assign(new Error("m"), { name: "Mine", code: 1 })', 'Mine: m'], ['new (class Foo extends Error {})("m")', 'Error: m'], ['new DOMException("m", "AbortError")', 'AbortError: m'],
  ['new AggregateError([], "m")', 'AggregateError: m'], ['"100%", 5', '100% 5'], ['"%"', '%'], ['"%s"', '%s'], ['"%%"', '%%'], ['1, "%s", "a"', '1 %s a'], ['new String("s")', "[String: 's']"], ['"a", { b: "c" }', "a { b: 'c' }"],
  ['{ get a() { throw 1 } }', '{ a: [Getter] }'], ['new Proxy({ a: 1 }, { get() { throw 1 } })', '{ a: 1 }'], ['new Proxy([1, 2], {})', '1,2'], ['new Proxy([1, 2], { get() { throw 1 } })', '[ 1, 2 ]'],
  ['(() => { const { proxy, revoke } = Proxy.revocable([], {}); revoke(); return proxy })()', '<Revoked Proxy>'], ['{ [Symbol.for("nodejs.util.inspect.custom")]() { return "mine" } }', 'mine'],
  ['{ [Symbol.for("nodejs.util.inspect.custom")]() { throw 1 } }', '[value that cannot be shown]'], ['new URLSearchParams("a=b")', "URLSearchParams { 'a' => 'b' }"], ['new Headers({ a: "b" })', "Headers { a: 'b' }"],
  ['globalThis === this', 'true'], ['Promise.resolve(4)', 'Promise { 4 }'], ['"\\ud800x"', '\ufffdx'], ['"a\\0b\\x1b[31m"', 'a\0b\x1b[31m'], ['"\\ufeffbom"', '\ufeffbom'],
];
/* Values that Node itself shows; each is a source, evaluated here too. */
const AS_NODE = ['{}', '{ a: 1, b: [1, 2, { c: 3 }] }', '{ a: { b: { c: { d: { e: { f: 1 } } } } } }', 'new Map([[1, { a: 2 }]])', 'new Set(["x"])', 'new Date(0)', '/x/g', 'function foo() {}', 'class A {}', 'class B extends Map {}', '() => 1',
  'new (class Foo { x = 1 })()', 'Object.create(null)', 'new Uint8Array(3)', 'new ArrayBuffer(2)', 'new WeakMap()', '(function* () {})()', '{ "a-b": 1, [Symbol("s")]: 2 }', '{ a: "it\'s", b: "q\\"", c: "\\n" }', '{ a: -0 }',
  'Array.from({ length: 200 }, (_, i) => ({ i }))', '(() => { const a = { x: 1 }; a.a = a; return a })()', '[{ a: "x".repeat(300) }]', 'Object.fromEntries(Array.from({ length: 60 }, (_, i) => ["key" + i, i]))', '{ a: "y".repeat(20000) }', 'new URL("http://a/b?c#d")',
  '[new Map([[{ a: 1 }, new Set([[1]])]])]', '{ get a() { return 1 }, set b(x) {} }', 'Buffer.from("abc")', 'new Number(3)', '[[[[[[[1]]]]]]]', 'new Proxy(class X {}, {})', 'Math', 'JSON', 'new Blob(["x"])'];
const FORMATS = ['"%s %d %i %f %j %o %O %c%%", "a", 1.5, 1.5, "2.5", { a: 1 }, [1], { b: 2 }, "css"', '"%s", { a: { b: { c: 1 } } }', '"%s", null', '"%s", Symbol("x")', '"%d", "x"', '"%d", 5n', '"%i", 5.9', '"%s %s", "a"', '"%x %s", "a"', '"a%"  , "b"',
  '"%%", "a"', '"%s%%", "a"', '"%%%s", "a"', '"%s", "a", "b", "c"', '"%s", -0', '"%d %%", 1, "x"', '"%j", (() => { const a = {}; a.a = a; return a })()', '"%o", function f() {}', '"%s", class A {}', '"%s", new Date(0)', '"%s", [1, [2]]', '"%c", "color: red"', '"%s", "%s", "x"'];
const evaluate = (0, eval);                                  // sloppy, as the code in a worker is
const linesOf = (text) => text.split('\n').length;

const list = (sources) => sources.map((source) => `console.log(${source});`).join('\n');

describe('console', { concurrency: 3 }, () => {
  test('each kind of value reads as the contract says', async () => {
    const { logs, done } = await run(list(TEXTS.map(([source]) => source)));
    assert.strictEqual(done.failure, undefined);
    TEXTS.forEach(([source, text], i) => assert.strictEqual(logs[i], text, source));
  });

  test('anything else reads as util.inspect shows it on one line', async () => {
    const { logs } = await run(list(AS_NODE));
    AS_NODE.forEach((source, i) => {
      const text = seen(evaluate(`(${source})`));                // a long value is broken by Node's own grouping: then all goes on one line
      const expected = linesOf(text) === 1 ? text : util.inspect(evaluate(`(${source})`), { ...LINE, compact: true });
      assert.strictEqual(logs[i], expected, source);
      assert.strictEqual(linesOf(logs[i]), 1, source);
    });
  });

  test('%-formats are as in Node', async () => {
    const { logs } = await run(list(FORMATS));
    FORMATS.forEach((source, i) => assert.strictEqual(logs[i], util.formatWithOptions({ ...LINE, compact: 3 }, ...evaluate(`[${source}]`)), source));
  });

  test('2,000 random formats are as in Node', async () => {
    let seed = 7;
    const next = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed % n; };
    const calls = Array.from({ length: 2000 }, () => {
      const format = Array.from({ length: 1 + next(8) }, () => ['%s', '%d', '%i', '%f', '%j', '%c', '%%', '%', 'a', ' ', '%x'][next(11)]).join('');
      return [format, ...Array.from({ length: next(4) }, () => ['x', 1, null, true, '%s', '', 2.5][next(7)])];
    });
    const { logs } = await run('for (const call of input) console.log(...call)', { input: calls });
    calls.forEach((call, i) => assert.strictEqual(logs[i], util.format(...call), JSON.stringify(call)));
  });

  test('each method has its level', async () => {
    const { levels } = await run('for (const level of ["log", "info", "warn", "error", "debug", "dir", "dirxml", "table", "trace", "group", "count"]) console[level]("x"); console.assert(false)');
    assert.deepStrictEqual(levels, ['log', 'info', 'warn', 'error', 'debug', 'log', 'log', 'log', 'debug', 'log', 'log', 'error']);
  });

  /* source, entries */
  const CALLS = [
    ['console.group("G"); console.log("a\\nb"); console.group(); console.log("c"); console.groupEnd(); console.groupEnd(); console.groupEnd(); console.log("d")', ['G', '  a\n  b', '    c', 'd']],
    ['console.groupCollapsed("G"); console.error({ a: 1 }); console.clear(); console.log("x")', ['G', '  { a: 1 }', 'x']],
    ['console.count(); console.count("a"); console.count(); console.countReset(); console.countReset("no"); console.count(); console.count(Symbol("s"))', ['default: 1', 'a: 1', 'default: 2', 'default: 1', 'Symbol(s): 1']],
    ['console.assert(true, "x"); console.assert(0); console.assert(false, "a %s", "b", { c: 1 })', ['Assertion failed', 'Assertion failed: a b { c: 1 }']],
    ['console.trace(); console.trace("a %s", "b")', ['Trace', 'Trace: a b']],
    ['console.dir({ a: 1 }, { depth: 0 }); console.dir("a%s", "b"); console.table([{ a: 1 }], ["a"]); console.dirxml({ a: 1 }, "b")', ['{ a: 1 }', 'a%s', '[ { a: 1 } ]', '{ a: 1 } b']],
    ['console.timeEnd("no"); console.timeLog("no")', []],
    ['console.log({ get a() { console.log("inner"); return 1 } }, `${{ toString() { console.log("inner"); return "outer" } }}`)', ['inner', '{ a: [Getter] } outer']],
    ['const { log } = console; log("free"); [1].forEach(console.log); new Promise((d) => d("then")).then(console.log); await null', ['free', '1 0 1', 'then']],
    ['const before = console.log; console.log = () => {}; console.log("lost"); before("kept"); delete globalThis.console; before("kept too")', ['kept', 'kept too']],
    ['reportError(new Error("x")); reportError("y"); reportError(null); reportError({ get stack() { throw 1 } })', ['Error: x\n    at user.js:1:13', 'y', 'null', '{ stack: [Getter] }']],
  ];
  for (const [source, entries] of CALLS) {
    test(`entries of ${source.slice(0, 70)}`, async () => assert.deepStrictEqual((await run(source)).logs, entries));
  }
  test('timers tell milliseconds, and a second start of one does not reset it', async () => {
    const { logs } = await run('console.time("a"); await new Promise((d) => setTimeout(d, 20)); console.time("a"); console.timeLog("a", "x"); console.timeEnd("a"); console.timeEnd("a")');
    assert.strictEqual(logs.length, 2);
    for (const line of logs) assert.ok(parseFloat(/^a: (\d+(?:\.\d+)?)ms/.exec(line)[1]) >= 19, line);
  });

  /** All that was printed, as the contract counts it. */
  const output = (logs) => Buffer.byteLength(logs.join('\n'));
  const FLOODS = [
    ['one long line', 'console.log("x".repeat(5000))', 1000], ['many lines', 'for (let i = 0; i < 900; i++) console.log("line")', 999], ['many empty lines', 'for (let i = 0; i < 2000; i++) console.log("")', 1000],
    ['a line that fits to the byte', 'console.log("x".repeat(1000)); console.log("y")', 1000], ['lines that fit to the byte', 'console.log("x".repeat(500)); console.log("y".repeat(499)); console.log("")', 1000],
    ['two-byte characters', 'console.log("é".repeat(5000))', 1000], ['three-byte characters', 'console.log("€".repeat(5000))', 999], ['four-byte characters, off by one', 'console.log("x" + "😀".repeat(5000))', 997],
    ['a group\'s indent', 'console.group(); console.log("x\\n".repeat(5000))', 1000], ['a huge indent', 'for (let i = 0; i < 1e6; i++) console.group(); console.log("a\\n".repeat(1e5))', 1000],
    ['an array of primitives', 'console.log(new Array(1e9)); console.log(1)', 1000], ['an object of 1e5 keys', 'const o = {}; for (let i = 0; i < 1e5; i++) o["k" + i] = i; console.log(o)', 1000], ['a format', 'console.log("%s", "x".repeat(5000))', 1000],
    ['count', 'for (let i = 0; i < 5000; i++) console.count("a")', undefined], ['a leading byte order mark', 'console.log("\\ufeff" + "é".repeat(5000))', 999], ['a lone surrogate at the cut', 'console.log("x".repeat(999) + "\\ud83d\\ude00".repeat(9))', 999],
  ];
  for (const [what, source, bytes] of FLOODS) {
    test(`${what}: output is kept up to the limit, told once, and the code goes on`, async () => {
      const { logs, full, done, messages } = await run(`${source}; console.log("more"); console.error("more"); return 7`, { limits: { output_bytes: 1000 } });
      assert.deepStrictEqual([full, done.value], [1, 7]);
      assert.ok(output(logs) <= 1000);
      if (bytes !== undefined) assert.strictEqual(output(logs), bytes);
      assert.ok(messages.findIndex((m) => m.type === 'output_full') === messages.length - 2, 'a line after output_full');
    });
  }
  test('what is kept of a line is its beginning', async () => {
    assert.deepStrictEqual((await run('console.log("0123456789"); console.log("abcdefghij")', { limits: { output_bytes: 15 } })).logs, ['0123456789', 'abcd']);
  });
  test('output that just fits is not full', async () => {
    assert.strictEqual((await run('console.log("0123456789"); console.log("abcd")', { limits: { output_bytes: 15 } })).full, 0);
  });
  test('1 MB of lines arrives', async () => {
    const { logs, full } = await run('for (let i = 0; i < 10485; i++) console.log("x".repeat(99))');
    assert.deepStrictEqual([logs.length, full], [10485, 0]);
  });
});
