'use strict';

const assert = require('node:assert');
const test = require('node:test');

const { check, warm } = require('../check.js');
const { refused } = require('./snippets/verdict.js');

const BRACKETS = { curly: 'Unmatched curly braces', square: 'Unmatched square brackets', parenthesis: 'Unmatched parentheses' };

const verdict = (source) => check(source, refused(source));
const shown = (source) => JSON.stringify(source.length > 90 ? `${source.slice(0, 90)}…` : source);

/** source → [rule, line, column] */
const UNMATCHED = [
  ['{', 'curly', 1, 1], ['}', 'curly', 1, 1], ['if (a) {\n  b(\n', 'curly', 1, 8], ['} {', 'curly', 1, 1], ['}); x; (async () => {', 'curly', 1, 1],
  ['a = [1, 2', 'square', 1, 5], ['(]', 'square', 1, 2], ['foo(', 'parenthesis', 1, 4], ['a)', 'parenthesis', 1, 2], ['foo(1))\n(', 'parenthesis', 1, 7],
  ['{)', 'curly', 1, 1], ['[(', 'square', 1, 1], ['([{', 'curly', 1, 3], ['`${a`', null], ['`${(a}`', 'parenthesis', 1, 4], ['`${a}` + `${`${b}`}` + (', 'parenthesis', 1, 24],
  ['`${a', 'curly', 1, 2], ['`${[a}`; "after"', 'square', 1, 4], ['if (x) /re[(]/.test(y', 'parenthesis', 1, 20], ['a = b / c / d; (', 'parenthesis', 1, 16], ['a?.of / 2; f(/\\)/', 'parenthesis', 1, 13],
  ['x = function () {} / 2; (', 'parenthesis', 1, 25], ['<!-- (\n{', 'curly', 2, 1], ['a\n--> ( (\n[', 'square', 3, 1], ['#!/bin/node (\n(', 'parenthesis', 2, 1], ['"abc\n)', null], ['}"abc', 'curly', 1, 1],
  ['a(; "abc', null], ['const a = 1; const a = 2; // (', null], ['let x = ;', null], ['/(/', null], ['/* {', null], ['"{" + \'[\' + `(` +', null], ['“(”', null], ['x = {a: 1,, b: [}]}', 'curly', 1, 19],
];
for (const [source, rule, line, column] of UNMATCHED) {
  test(`brackets of ${shown(source)}: ${rule}`, () => {
    const expected = rule && { rule, message: BRACKETS[rule], name: null, line, column };
    assert.deepStrictEqual(check(source, true), expected);
  });
}

/** source → [name, line, column], or null for no finding; V8 gives the verdict */
const PATTERNS = [
  ['', null], ['results.a = 1', null], ['process.exit()', 'process', 1, 1], ['\n  require("fs")', 'require', 2, 3], ['eval("1")', 'eval', 1, 1], ['new Function("")', 'Function', 1, 5],
  ['a = __dirname + __filename', '__dirname', 1, 5], ['global', 'global', 1, 1], ['child_process', 'child_process', 1, 1], ['exports.a = 1; module.b', 'exports', 1, 1], ['fs', 'fs', 1, 1],
  ['a.process; a?.fs; a["eval"]', null], ['"require(1)"; `process`', null], ['diffs.map(evaluate); processes; $eval; _fs', null], ['(function (x) {})', null], ['({ process: 1, eval() {}, get fs() {} })', null],
  ['({ process })', 'process', 1, 4], ['({ process } = {})', 'process', 1, 4], ['const { process } = a; process()', null], ['const { process: x } = a', null], ['typeof process', 'process', 1, 8],
  ['module = 1', 'module', 1, 1], ['module += 1', 'module', 1, 1], ['module++', 'module', 1, 1], ['[module] = [1]', 'module', 1, 2], ['for (fs of []) ;', 'fs', 1, 6], ['delete fs', 'fs', 1, 8],
  ['fs(); var fs', null], ['fs(); function fs() {}', null], ['{ let fs } fs', 'fs', 1, 12], ['{ var fs } fs', null], ['try {} catch (fs) {} fs', 'fs', 1, 22], ['(fs => 1)(fs)', 'fs', 1, 11],
  ['fs: for (;;) break fs', null], ['class fs { static x = fs }', null], ['x = class fs {}; fs', 'fs', 1, 18], ['x = function fs() { fs }; fs', 'fs', 1, 27], ['class A { fs = 1; #fs = this.#fs }', null], ['class A { x = fs }', 'fs', 1, 15],
  ['(a = fs) => { var fs }', 'fs', 1, 6], ['(fs, a = fs) => 1', null], ['(a = () => fs) => { { function fs() {} } }', 'fs', 1, 12], ['let fs = fs', null], ['for (let fs of fs) ;', null], ['for (let fs of []) ; fs', 'fs', 1, 22],
  ['{ function fs() {} } fs()', null], ['"use strict"; { function fs() {} } fs()', 'fs', 1, 36], ['{ async function fs() {} } fs()', 'fs', 1, 28], ['{ function* fs() {} } fs()', 'fs', 1, 23],
  ['{ let fs; { function fs() {} } } fs()', 'fs', 1, 34], ['{ { function fs() {} } let fs } fs()', 'fs', 1, 33], ['for (let fs;;) { function fs() {} } fs', 'fs', 1, 37], ['if (1) function fs() {}\nfs', null],
  ['{ if (1) function fs() {} } fs', null], ['{ x: function fs() {} } fs', null], ['switch (1) { case 1: function fs() {} } fs', null], ['try {} catch (fs) { { function fs() {} } } fs', null],
  ['try {} catch ({ fs }) { { function fs() {} } } fs', 'fs', 1, 48], ['function g() { { function fs() {} } } fs', 'fs', 1, 39], ['(() => { { function fs() {} } fs })(); fs', 'fs', 1, 40], ['class A { m() { { function fs() {} } fs } }', 'fs', 1, 38],
  ['with (a) fs', 'fs', 1, 10], ['let fs; with (a) fs', null], ['pro\\u0063ess', 'process', 1, 1],
  ['#!/usr/bin/process\nfs', 'fs', 2, 1],
  ['f() = fs', 'fs', 1, 7], ['for (f() in fs) ;', 'fs', 1, 13], ['a\r\nb\rc\u2028d\u2029fs', 'fs', 5, 1], ['"😀"; fs', 'fs', 1, 7], ['<!-- fs\n--> fs\nfs', 'fs', 3, 1], ['a = b\n/fs/g\nc', 'fs', 2, 2],
  ['import("x")', 'import', 1, 1], ['fs; import("x")', 'fs', 1, 1], ['import(fs)', 'import', 1, 1], ['a.import(1)', null], ['a?.import', null], ['({ import: 1, import() {} })', null], ['class A { import() {} static import = 1 }', null], ['"import x from y"', null],
  ['import fs from "fs"', 'import', 1, 1], ['import "fs"', 'import', 1, 1], ['import * as a from "b"', 'import', 1, 1], ['a();\nimport { b } from "b"', 'import', 2, 1], ['a = import.meta.url', 'import', 1, 5], ['import x from "y"; "unterminated', 'import', 1, 1],
  ['({ import() {} }); let', null], ['({ get import() {} }); let a = ;', null], ['({ import: 1 }); let a = ;', null], ['a.import("x"); let a = ;', null], ['let a = ; import("x")', 'import', 1, 11], ['await import("x"); let a = ;', 'import', 1, 7],
];
const USING = [['using fs = null; fs', null], ['await using x = fs', 'fs', 1, 17], ['{ using fs = null } fs', 'fs', 1, 21], ['for (using fs of fs) ;', null]];
if (!refused('using a = null')) PATTERNS.push(...USING); // not in Node 18's V8

for (const [source, name, line, column] of PATTERNS) {
  test(`names in ${shown(source)}: ${name}`, () => {
    const expected = name && { rule: 'pattern', message: `Dangerous pattern detected: ${name}`, name, line, column };
    assert.deepStrictEqual(verdict(source), expected);
  });
}

test('a finding is frozen', () => assert.ok(Object.isFrozen(verdict('fs'))));

test('warming is repeatable and leaves the answers alone', () => {
  warm();
  warm();
  assert.strictEqual(verdict('fs').name, 'fs');
});

test('syntax that the parser does not know gives no finding for a name that may be declared', () => {
  assert.strictEqual(check('unknown @@ syntax; process.exit()', false), null);
});

test('syntax that the parser does not know hides no certain use', () => {
  assert.strictEqual(check('a |> b; x = process.env', false).name, 'process');
  assert.strictEqual(check('a |> b; ({ process }) => x = process.env', false), null);
  assert.strictEqual(check('a |> b; import("x")', false).name, 'import');
});

const repeat = (n, ...parts) => parts.map((part) => part.repeat(n));
const DEEP = {
  'open brackets': (n) => '['.repeat(n),
  'nested brackets': (n) => `fs.x; ${repeat(n, '[', ']').join('')}`,
  'nested blocks full of names': (n) => `fs.x; ${repeat(n, '{', 'fs.x;', '}').join('')}`,
  'unary operators': (n) => `fs.x; a = ${'!'.repeat(n)}1`,
  'a long sum': (n) => `fs.x; a = ${'b + '.repeat(n)}1`,
  'a chain of calls': (n) => `fs.x; a${'.b()'.repeat(n)}`,
  'a chain of else if': (n) => `fs.x; ${'if (a) b(); else '.repeat(n)}c()`,
  'nested arrows': (n) => `fs.x; ${'a => '.repeat(n)}1`,
  'nested templates': (n) => repeat(n, '`${', '}`').join('fs.x'),
  'nested imports as methods': (n) => repeat(n, '{import(a=', '){}}').join('1'),
  'nested functions': (n) => repeat(n, 'function fs() {', '}').join('fs.x;'),
  'many variables': (n) => `fs.x; var ${Array.from({ length: n }, (_, i) => `v${i}`).join()}`,
  'many names': (n) => 'fs.x;'.repeat(n),
  'many defaults and declarations': (n) => `(${'a = fs,'.repeat(n)} b) => { var ${'fs,'.repeat(n)} c }`,
};
for (const [what, write] of Object.entries(DEEP)) {
  test(`${what}, up to 1 MB, give an answer in time and never throw`, () => {
    for (const n of [1_000, 5_000, 100_000]) {
      const source = write(n).slice(0, 2 ** 20);
      for (const verdictOfV8 of [true, false]) {
        const start = process.cpuUsage(); // what others take of a busy machine is not ours
        check(source, verdictOfV8);
        const ms = process.cpuUsage(start).user / 1000;
        assert.ok(ms < 4_000, `${n}: ${ms} ms`);
      }
    }
  });
}

test('100,000 open brackets are unmatched', () => assert.strictEqual(check('['.repeat(100_000), true).rule, 'square'));
