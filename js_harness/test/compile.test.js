'use strict';
const assert = require('node:assert');
const { describe, test } = require('node:test');
const { run, NODE18 } = require('./support.js');

const TS = { language: 'typescript' }, EVAL = { codegen: true };
const shown = (source) => JSON.stringify(source.length > 60 ? `${source.slice(0, 60)}…` : source);

/* source, line, column (undefined where there is no place), options */
const SYNTAX = [
  ['a b', 1, 3], ['\tfoo bar', 1, 6], ['let a = 1;\nlet a = 2;', 2, 5], ['a = )', 1, 5], ['"é😀" x y', 1, 7], ['#!/bin/x\n a b', 2, 4], ['//# sourceURL=evil.js\n a b', 2, 4], ['\r\n\r\n a b', 3, 4],
  ['a b //# sourceURL=/etc/x', 1, 3], ['import x from "y"', 1, 1], ['import.meta', 1, 8], ['<!-- x\na b', 2, 3], ['--> x\na b', 2, 3], ['"use strict"; with (a) {}', 1, 15],
  ['let x = 1;\nlet y = `a\n${ )', 3, 4], ['for (const a of b c) {}', 1, 19], ['let a;\n  let a', 2, 7], ['yield: 1; await: 2', 1, 16], [`${'x'.repeat(3000)} y`, 1, undefined],
  ['let x = = 3', 1, 9, TS], ['let a: string = "b";\n  let x = = 3', 2, 11, TS], ['let a: "é";\n a b', 2, undefined, TS], ['const x: number = 1;\n\n  return null as any as', 3, undefined, TS],
];
/* source, line, column, options */
const THROWN = [
  ['throw new Error("x")', 1, 7], ['\n\n  null.x', 3, 8], ['function f() {\n  throw new Error("x")\n}\nf()', 2, 9], ['await null;\n null.x', 2, 7], ['//# sourceURL=/etc/evil.js\n\n  null.x', 3, 8],
  ['throw new Error("x") //# sourceURL=/etc/evil.js', 1, 7], ['throw new Error("x") //# sourceMappingURL=data:application/json,{}', 1, 7], ['#!/x\nnull.x', 2, 6], ['JSON.parse("{")', 1, 6],
  ['setTimeout(() => {\n  null.x }, 1); await new Promise(() => {})', 2, 8], ['[1].map(() => {\n  null.x })', 2, 8], ['"é😀"; null.x', 1, 13], ['eval("1")', 1, 1], ['new Function("1")', 1, 1],
  ['new URL("x")', 1, 1], ['structuredClone(() => {})', 1, 1], ['const x: number = 1;\n\nnull.x as any', 3, 6, TS], ['let x: "é😀" = null; x.y', 1, 24, TS], ['interface A {\n a: 1 }\n(null as A).a', 3, 13, TS],
  ['\neval("\\n\\n null.x")', 2, 1, EVAL], ['\n\nnew Function("null.x")()', 3, 23, EVAL], ['eval("null.x //# sourceURL=user.js")', 1, 1, EVAL],
];

describe('compile', { concurrency: 3 }, () => {
  for (const [source, line, column, options] of SYNTAX) {
    test(`syntax error of ${shown(source)} is at ${line}:${column}`, async () => {
      const { failure } = (await run(source, options)).done;
      assert.deepStrictEqual([failure.kind, failure.name, failure.line, failure.column], ['syntax', 'SyntaxError', line, column]);
    });
  }
  for (const [source, line, column, options] of THROWN) {
    test(`${shown(source)} throws at ${line}:${column}`, async () => {
      const { failure } = (await run(source, options)).done;
      assert.deepStrictEqual([failure.line, failure.column], [line, column]);
      assert.doesNotMatch(failure.stack, /sandboxd:|node:|evil/);
    });
  }

  test('the place of an eval is printed with the line of the user', async () => {
    const { failure } = (await run('\n\neval("null.x"); ', EVAL)).done;
    assert.match(failure.stack, /eval at <anonymous> \(user\.js:3:1\), <anonymous>:1:6/);
  });

  for (const source of ['if (1) {', 'foo(', 'a = [1, 2', 'return `abc', 'x = {\n a: 1\n', 'function f() {']) {
    test(`${shown(source)} ends too early, at its last line`, async () => {
      const { failure } = (await run(source)).done;
      assert.deepStrictEqual([failure.message, failure.line], ['Unexpected end of input', source.split('\n').length]);
    });
  }

  for (const source of ['}); x; (async function () {', '}, async function () {', '})\n(async () => {', '}), (() => {', '}, { a: 1']) {
    test(`${shown(source)} does not close the wrapper`, async () => {
      const { failure, value } = (await run(source)).done;
      assert.deepStrictEqual([failure?.kind, value], ['syntax', undefined]);
    });
  }

  /* source and what it returns */
  const BODIES = [
    ['return 1 // comment', 1], ['return 1 /* comment */', 1], ['#!/usr/bin/env node\nreturn 2', 2], ['<!-- html\nreturn 3', 3], ['--> html\nreturn 4', 4], ['return await 5', 5], ['"use strict"; return this === globalThis', true],
    ['undeclared = 6; return undeclared', 6], ['const input = 7, console = 8; return input', 7], ['return arguments.length', 0], ['return String(new.target)', 'undefined'], ['return 1 \\u003c 2', undefined], ['return [..."a\u2028b"].length', 3],
    ['{}', {}], ['{} // x', {}], ['let async = 9; return async', 9], ['using x = { [Symbol.dispose]() {} }; return 10', 10], ['for await (const x of [11]) return x', 11], ['return "\\\n"', ''], ['label: for (;;) break label; return 12', 12],
    ['function f() { return 13 } return f()', 13], ['return (function () { return typeof this })()', 'object'], ['"use strict"; return (function () { return typeof this })()', 'undefined'],
  ];
  for (const [source, value] of BODIES) {
    test(`body ${shown(source)}`, async () => {
      const { done } = await run(source);
      assert.deepStrictEqual([done.value, done.failure?.kind], [value, value === undefined ? 'syntax' : undefined]);
    });
  }

  const REFUSED = [['enum A { B }', 'enum'], ['namespace A { export const x = 1 }', 'namespace'], ['class A { constructor(private x: number) {} }', 'parameter property'], ['let a = <any>b', 'angle-bracket']];
  for (const [source, word] of REFUSED) {
    test(`TypeScript refuses ${word} by name`, async () => {
      const { failure } = (await run(source, TS)).done;
      assert.strictEqual(failure.kind, 'syntax');
      assert.match(failure.message, new RegExp(word));
    });
  }
  test('TypeScript that can be erased runs', async () => {
    const source = 'interface A<T> { a: T }\ntype B = A<number>;\nfunction f<T>(x: T): T { return x }\nclass C { declare y: string; z?: number = 1 }\nconst b: B = { a: f<number>(2) } satisfies B;\nreturn [b.a!, new C().z, "é" as string]';
    assert.deepStrictEqual((await run(source, TS)).done.value, [2, 1, 'é']);
  });
  test('TypeScript that ends in a comment or a type runs', async () => {
    assert.strictEqual((await run('return 1 as number // x', TS)).done.value, 1);
  });
  test('TypeScript does not close the wrapper either', async () => {
    assert.strictEqual((await run('}); x; (async () => {', TS)).done.failure.kind, 'syntax');
  });
  test('plain JavaScript may not have types', async () => {
    assert.strictEqual((await run('let x: number = 1')).done.failure.kind, 'syntax');
  });

  /* With `check`: source, message, options */
  const FOUND = [
    ['process.exit()', 'Dangerous pattern detected: process'], ['if (a) {', 'Unmatched curly braces'], ['import x from "y"', 'Dangerous pattern detected: import'], ['let x: number = 1; fs.a', 'Dangerous pattern detected: fs', TS],
    ['import x from "y"', 'Dangerous pattern detected: import', TS], ['const a: { x: number = {', 'Unmatched curly braces', TS],
  ];
  for (const [source, message, options] of FOUND) {
    test(`checked${options ? ' as TypeScript' : ''}, ${shown(source)} is: ${message}`, async () => {
      const { failure } = (await run(source, { ...options, check: true })).done;
      assert.deepStrictEqual([failure.kind, failure.message], ['finding', message]);
    });
  }
  test('checked, an enum is still refused by name', async () => {
    assert.match((await run('enum A {}', { ...TS, check: true })).done.failure.message, /enum/);
  });

  const skip = NODE18 ? false : 'SANDBOXD_TEST_NODE18 names no Node 18';
  test('Node 18 refuses TypeScript and says what is needed', { skip }, async () => {
    const { failure } = (await run('let x: number = 1', { ...TS, node: NODE18 })).done;
    assert.deepStrictEqual([failure.kind, /needs Node 22\.13 or later.*18\./.test(failure.message)], ['unsupported', true]);
  });
  test('Node 18 runs, logs, fails and places errors like Node 24', { skip }, async () => {
    for (const source of ['console.log({ a: [1] }, "\ufeffx"); return { a: "\ud800" }', '\n null.x', 'a = )', 'await new Promise(() => {})', 'return new Response("x").text()', 'structuredClone(1); return [structuredClone(new Uint8Array([1, 2])).buffer.byteLength, performance.now() < 1000]', 'return eval("1")', '}); x; (async () => {']) {
      const [old, current] = await Promise.all([run(source, { node: NODE18 }), run(source)]);
      if (old.done?.failure) { delete old.done.failure.stack; delete current.done.failure?.stack; }
      assert.deepStrictEqual([old.logs, old.done], [current.logs, current.done], source);
    }
  });
});
