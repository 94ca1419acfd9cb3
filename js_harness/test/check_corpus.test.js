'use strict';

const assert = require('node:assert');
const test = require('node:test');

const { check } = require('../check.js');
const { lex } = require('../check/parser.js');
const { FORBIDDEN } = require('../check/words.js');
const { bodies } = require('./snippets/bodies.js');
const { globalsOf } = require('./snippets/globals.js');
const { random, refused } = require('./snippets/verdict.js');

const dice = random(7);
const all = bodies();
const verdicts = new Map(all.map((text) => [text, refused(text)]));
const accepted = all.filter((text) => !verdicts.get(text));
const rejected = all.filter((text) => verdicts.get(text));

const skip = all.length ? false : 'this Node has no npm beside it';
const word = new RegExp(String.raw`(?<![\w$])(?:${FORBIDDEN.join('|')})(?![\w$])`);
const dynamic = /\bwith\s*\(|\beval\b/; // there V8 leaves names to the run
const MAX_ORACLE_CHARACTERS = 1_200_000; // V8 prints some 300 bytes for each

test('real bodies without a forbidden word have no finding', { skip }, (t) => {
  const texts = accepted.filter((text) => !word.test(text) && !/\bimport\b/.test(text));
  for (const text of texts) assert.strictEqual(check(text, false), null, text);
  t.diagnostic(`${texts.length} of ${accepted.length} valid bodies`);
});

test("findings in real bodies are V8's globals", { skip }, async (t) => {
  let room = MAX_ORACLE_CHARACTERS;
  const texts = accepted.filter((text) => word.test(text) && !dynamic.test(text)).filter(({ length }) => (room -= length) > 0);
  const globals = await globalsOf(texts);
  let found = 0;
  let unreachable = 0;
  for (const [i, text] of texts.entries()) {
    const name = check(text, false)?.name;
    const free = FORBIDDEN.filter((word) => globals[i].has(word));
    if (free.length) assert.ok(name, `${free} in ${text}`);
    if (name && name !== 'import' && !free.includes(name)) unreachable += 1;
    if (free.length) found += 1;
  }
  t.diagnostic(`${texts.length} bodies with a forbidden word, ${found} use one as a global, ${unreachable} only where V8 sees no way`);
  assert.ok(found > 100);
  // V8 writes no bytecode for code after a return, so a few may differ; none does in npm 11.
  assert.ok(unreachable <= texts.length / 200, `${unreachable} false findings?`);
});

test('real text that V8 refuses as a body has balanced brackets', { skip }, (t) => {
  let imports = 0;
  for (const text of rejected) {
    const found = check(text, true);
    assert.ok(!found || found.name === 'import', `${found?.message}: ${text}`);
    if (found) imports += 1;
  }
  t.diagnostic(`${rejected.length} refused texts, ${imports} of them with import`);
});

const KIND = { '{': 'curly', '}': 'curly', '[': 'square', ']': 'square', '(': 'parenthesis', ')': 'parenthesis' };

test('one bracket less in a real body is reported by its kind', { skip }, (t) => {
  let cases = 0;
  for (const text of accepted) {
    if (/[/`]/.test(text) || dice.below(3)) continue; // there another reading of the rest is possible
    const brackets = lex(text, 0).tokens.filter(({ type }) => type.label in KIND);
    if (!brackets.length) continue;
    const { start, type } = dice.pick(brackets);
    if (/\d/.test(text[start - 1])) continue; // `a[0].b` would become a number that no tokenizer reads
    const broken = text.slice(0, start) + text.slice(start + 1);
    if (!refused(broken)) continue;
    assert.strictEqual(check(broken, true)?.rule, KIND[type.label], broken);
    cases += 1;
  }
  t.diagnostic(`${cases} bodies`);
});

test('a real body with a declaration of every forbidden name has no finding', { skip }, (t) => {
  let cases = 0;
  for (const text of accepted) {
    if (!word.test(text) || /\bimport\b/.test(text)) continue;
    const declared = `var ${FORBIDDEN.join()};\n${text}`;
    if (refused(declared)) continue;
    assert.strictEqual(check(declared, false), null, declared);
    cases += 1;
  }
  t.diagnostic(`${cases} bodies`);
});
