'use strict';
const assert = require('node:assert');
const { describe, test } = require('node:test');
const { run, NODE18, DATA_BYTES, exchange } = require('./support.js');

const program = (source, options) => run(source, { dialect: 'executions', language: 'auto', codegen: true, ...options });
const shown = (source) => JSON.stringify(source.length > 70 ? `${source.slice(0, 70)}…` : source);

/* source and result */
const VALUES = [
  ['1 + 1', 2], ['1 + 1;', 2], ['\n\n  await 5\n\n;;', 5], ['', null], ['// nothing', null], ['let a = 1', null], ['undefined', null], ['() => 1', null], ['"a hello"', 'a hello'], ['"use strict"', null], ['"use strict"; 3', 3],
  ['({ a: 1 })', { a: 1 }], ['[1, 2]', [1, 2]], ['1, 2', 2], ['(1, 2)', 2], ['`a${1}b`', 'a1b'], ['`;`', ';'], ['";"', ';'], ['/;/.source', ';'], ['let a = 1 // x\na', 1], ['let a = 1 /* x\n*/; a', 1], ['let a = 4; a // b; c', 4], ['let a\n=\n1\na\n++\na', 2],
  ['main(); function main() { return 7 }', 7], ['await main()\nasync function main() { return 8 }', 8], ['1; class A {}; let b = 2; var c; ;', 1], ['1\nexport const a = 2', 1], ['let a = 1; export { a }; a + 1', 2], ['const x = 1\n;[x].length', 1],
  ['if (1) { 2 }', null], ['1; if (0) {}', null], ['1; { 2 }', null], ['for (const x of [1]) x', null], ['try { 1 } finally {}', null], ['a: 1', null], ['do 1; while (0) 2', 2], ['throw1: 2', null],
  ['export default 1', 1], ['export default 1; 5', 1], ['5; export default 1', 1], ['export default { a: [1] }', { a: [1] }], ['export default Promise.resolve(7)', 7], ['export default { then(yes) { yes(8) } }', 8], ['export default function () {}', null], ['export default class {}', null],
  ['export default async () => 1', null], ['let x = 1; export { x as default }; x = 2', 2], ['export { x as default }; await null; let x = 3', 3], ['export default undefined', null], ['export default await new Promise((done) => setTimeout(done, 2, 9))', 9],
  ['await new Promise((done) => setTimeout(done, 2, "timer"))', 'timer'], ['for await (const x of [1]) ;\nvar y = 2; y', 2], ['using x = { [Symbol.dispose]() { console.log("gone") } }; 5', 5],
  ['typeof this', 'undefined'], ['(function () { return typeof this })()', 'undefined'], ['typeof arguments', 'undefined'], ['typeof require + typeof module + typeof exports + typeof process', 'undefined'.repeat(4)], ['typeof input + typeof results', 'undefinedundefined'],
  ['Object.keys(import.meta)', []], ['Object.getPrototypeOf(import.meta)', null], ['import.meta.url ?? "none"', 'none'], ['import.meta.a = 1; import.meta.a', 1], ['#!/usr/bin/env node\n2', 2], ['eval("1 + 1")', 2], ['new Function("return this")() === globalThis', true],
  ['const a = 1, b = 2;\n[a < b, b > (2)]', [true, false]], ['var g = 1; [delete globalThis.g, globalThis.g === undefined]', [true, true]],
  ['const n: number = 5; n * 2', 10], ['interface A { a: 1 }\ntype B = A;\nconst b: B = { a: 1 } satisfies A; b.a!', 1], ['export default <T,>(x: T): T => x', null], ['function f<T>(x: T) { return x } f<number>(3)', 3], ['import type { A } from "b"; const x: A = 4; x', 4],
  ['let a = 1 as any as number\na', 1], ['const x: number = await 5; export default x', 5], ['abstract class A { abstract b(): void }; 6 as number', 6], ['declare const g: number; typeof g', 'undefined'],
];

/* source, line, column (undefined where there is no place) */
const THROWN = [
  ['null.x', 1, 6], ['\n\n  null.x', 3, 8], ['let a = 1; null.x', 1, 17], ['let a = 1;\nnull.x', 2, 6], ['let a = 1; /*\n*/ null.x', 2, 9], ['/* é */ null.x', 1, 14], ['f(); function f() { null.x }', 1, 26], ['let a; f(); function f() { null.x }', 1, 33],
  ['let a; f(0\n); function f() { null.x }', 2, 24], ['export default null.x', 1, 21], ['throw new Error("x")', 1, 7], ['await null;\n null.x', 2, 7], ['setTimeout(() => {\n  null.x }, 1); 1', 2, 8], ['1; setTimeout(() => { null.x }, 1)', 1, 28], ['//# sourceURL=/etc/evil.js\n\n  null.x', 3, 8],
  ['null.x //# sourceURL=/etc/evil.js', 1, 6], ['#!/x\nnull.x', 2, 6], ['\neval("\\n\\n null.x")', 2, 1], ['let b = 1; eval("null.x")', 1, 12], ['const x: number = 1;\n\nnull.x as any', 3, 6], ['let x: number = 1; null.x', 1, 25], ['undeclared = 1', 1, 12], ['\u2028null.x', 2, 6],
];

/* source, line, column, message */
const SYNTAX = [
  ['let a = ;', 1, 9, /^Unexpected token ';'$/], ['let x: number = 1;\nlet y = ;', 2, 9, /^Expression expected/], ['a b', 1, 3, /Unexpected identifier/], ['if (1) {', 1, undefined, /^Unexpected end of input$/], ['interface A { a: 1 }\nif (1) {', 2, undefined, /eof/],
  ['let a = 1;\nlet a = 2', 2, 5, /already been declared/], ['let a: number = 1;\nlet a = 2', 2, 5, /already been declared/], ['return 1', 1, 1, /Illegal return/], ['with (a) {}', 1, 1, /with/], ['010', 1, 1, /octal/i], ['export default 1; export default 2', 1, 26, /already been declared/], ['export { nothing }', 1, 10, /nothing/],
  ['<!-- x', 1, 4, /HTML/], ['await: 1', 1, 6, /await|token/], ['enum A { B }', 1, 1, /enum/], ['let x: number;\n  namespace A { export const x = 1 }', 2, 3, /namespace/], ['class A { constructor(private x: number) {} }', 1, 31, /parameter property/], ['`${', 1, undefined, /Unexpected end of input|template/i], ['/*', 1, undefined, /token/],
];

describe('modules', { concurrency: 3 }, () => {
  for (const [source, value] of VALUES) {
    test(`${shown(source)} gives ${JSON.stringify(value)}`, async () => {
      const { done } = await program(source);
      assert.deepStrictEqual([done.value, done.failure?.message], [value, undefined]);
    });
  }
  for (const [source, line, column] of THROWN) {
    test(`${shown(source)} throws at ${line}:${column}`, async () => {
      const { failure } = (await program(source)).done;
      assert.deepStrictEqual([failure.line, failure.column], [line, column]);
      assert.doesNotMatch(failure.stack, /sandboxd:|node:|evil/);
      if (!source.includes('eval')) assert.match(failure.stack, new RegExp(`user\\.js:${line}:${column}\\b`));
    });
  }
  for (const [source, line, column, message] of SYNTAX) {
    test(`syntax error of ${shown(source)} is at ${line}:${column}`, async () => {
      const { failure } = (await program(source)).done;
      assert.deepStrictEqual([failure.kind, failure.name, failure.line, failure.column], ['syntax', 'SyntaxError', line, column]);
      assert.match(failure.message, message);
    });
  }

  /* source, line; the module that is named */
  const IMPORTS = [['import fs from "fs"', 1, 'fs'], ['1;\n\nimport { a } from "node:fs"; a', 3, 'node:fs'], ['\nimport "./x.js"', 2, './x.js'], ['export * from "lodash"', 1, 'lodash'], ['export { a } from "b"', 1, 'b'], ['let x: number = 1;\nimport y from "z"', 2, 'z'],
    ['import x from "data:text/javascript,1"', 1, 'data:text/javascript,1'], ['import x from "y" with { type: "json" }', 1, 'y'], ['\nawait import("fs")', 2, 'fs'], ['await import("a", { with: { type: "json" } })', 1, 'a'], ['let a = import("b"); await a', 1, 'b'],
    ['export default import("b")', undefined, 'b'], ['import source x from "y"', undefined, 'y']];   // V8 has no position for the one, acorn no grammar for the other
  for (const [source, line, name] of IMPORTS) {
    test(`${shown(source)} is refused by name`, async () => {
      const { failure } = (await program(source)).done;
      assert.deepStrictEqual([failure.kind, failure.name, failure.message, failure.line], ['error', 'TypeError', `Cannot import '${name}': modules are off`, line]);
    });
  }
  test('import() rejects from code from strings and from every kind of callback, always with that error', async () => {
    const source = `const tries = [() => import('fs'), () => eval('import("fs")'), () => (0, eval)('import("fs")'), () => new Function('return import("fs")')(), () => Promise.resolve('import("fs")').then(eval),
      () => new Promise((yes) => { setTimeout(() => yes(import('fs')), 1) }), () => new Promise((yes) => { queueMicrotask(() => yes(eval('import("fs")'))) }), () => ['import("fs")'].map(eval)[0], () => (async () => {}).constructor('return import("fs")')(),
      () => new Promise((yes) => { new EventTarget().addEventListener.call(globalThis.t = new EventTarget(), 'x', () => yes(import('fs'))); t.dispatchEvent(new Event('x')) })];
      const got = []; for (const attempt of tries) try { await attempt(); got.push('loaded') } catch (e) { got.push(e.message) }
      export default got`;
    assert.deepStrictEqual((await program(source)).done.value, Array(10).fill("Cannot import 'fs': modules are off"));
  });
  test('what a specifier throws is thrown, and a name that is long is cut', async () => {
    const { done } = await program('const got = []; for (const name of [{ toString() { throw 5 } }, "x".repeat(1e6), { toString: () => "made" }]) try { await import(name) } catch (e) { got.push(e.message?.length ?? e) } export default got');
    assert.deepStrictEqual(done.value, [5, 234, 37]);
  });
  test('a plain JavaScript program may not have types, and TypeScript is not taken for JavaScript', async () => {
    assert.strictEqual((await program('let x: number = 1', { language: 'javascript' })).done.failure.kind, 'syntax');
    assert.strictEqual((await program('const f = (x: number) => x; f(1)', { language: 'typescript' })).done.value, 1);
  });
  test('a check says what is wrong and runs nothing', async () => {
    const check = (source) => exchange({ type: 'check', source, language: 'auto', data_bytes: DATA_BYTES }, { dialect: 'executions' });
    const good = await check('console.log(1); throw 1');
    assert.deepStrictEqual([good.logs, good.done], [[], { type: 'done', value: null }]);
    assert.strictEqual((await check('let a = ;')).done.failure.kind, 'syntax');
  });

  const skip = NODE18 ? false : 'SANDBOXD_TEST_NODE18 names no Node 18';
  test('Node 18 says what it lacks, and where it is not sure that it is TypeScript both', { skip }, async () => {
    const kinds = [];
    for (const language of ['typescript', 'auto']) {
      const { failure } = (await program('let x: number = 1', { language, node: NODE18 })).done;
      assert.match(failure.message, /needs Node 22\.13 or later.*18\./);
      kinds.push(failure.kind, failure.line);
    }
    assert.deepStrictEqual(kinds, ['unsupported', undefined, 'syntax', 1]);
  });
  test('Node 18 runs, fails and refuses like Node 24', { skip }, async () => {
    for (const source of ['await 1\n2', 'export default { a: 1 }', 'let a; null.x', 'a;\nimport "fs"', 'await import("fs")', 'await new Promise(() => {})', 'setTimeout(() => console.log(1), 5); 2', 'Object.keys(import.meta)', 'let a = 1; let a']) {
      const [old, current] = await Promise.all([program(source, { language: 'javascript', node: NODE18 }), program(source, { language: 'javascript' })]);
      for (const { done } of [old, current]) delete done.failure?.stack;
      assert.deepStrictEqual([old.logs, old.done], [current.logs, current.done], source);
    }
  });
});
