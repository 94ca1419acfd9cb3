'use strict';

const assert = require('node:assert');
const test = require('node:test');

const { check } = require('../check.js');
const { parse } = require('../check/parser.js');
const { FORBIDDEN } = require('../check/words.js');
const { program } = require('./snippets/programs.js');
const { random, refused } = require('./snippets/verdict.js');

const COUNT = 800;
const dice = random(20_240_607);
const programs = Array.from({ length: COUNT }, () => program(dice));
const fill = (text, name) => text.replaceAll('HOLE', name);

/** Runs `claim(source, name, offset)` on each variant that V8 accepts; `vary` returns the source. */
function forAll(t, vary, claim) {
  let accepted = 0;
  for (const text of programs) {
    const name = dice.pick(FORBIDDEN);
    const source = vary(text, name);
    if (refused(source)) continue;
    accepted += 1;
    claim(source, name, text.indexOf('HOLE'));
  }
  t.diagnostic(`${accepted} of ${COUNT} programs accepted by V8 and checked`);
  assert.ok(accepted > COUNT / 3, 'the generator writes too few valid programs');
}

const clean = (source) => assert.strictEqual(check(source, false), null, source);

test('acorn parses every generated program that V8 accepts', (t) => {
  forAll(t, (text) => fill(text, 'harmless'), (source) => assert.ok(parse(`(async () => {\n${source}\n})`), source));
});

test('a valid program that names nothing forbidden has no finding', (t) => {
  forAll(t, (text) => fill(text, 'harmless'), clean);
});

test('a forbidden name that is free is found at its place', (t) => {
  forAll(t, fill, (source, name, offset) => {
    const lines = source.slice(0, offset).split(/\r\n?|[\n\u2028\u2029]/);
    const { name: found, line, column } = check(source, false) ?? {};
    assert.deepStrictEqual([found, line, column], [name, lines.length, lines.at(-1).length + 1], source);
  });
});

test('import() is found wherever an expression stands', (t) => {
  const vary = (text) => fill(text, "import('x')");
  forAll(t, vary, (source) => assert.strictEqual(check(source, false)?.name, 'import', source));
});

test('a forbidden name spelled with an escape is found', (t) => {
  const escape = (name) => `\\u{${name.codePointAt(0).toString(16)}}${name.slice(1)}`;
  forAll(t, (text, name) => fill(text, escape(name)), (source, name) => assert.strictEqual(check(source, false)?.name, name, source));
});

const HARMLESS_USES = {
  'a property': (name) => `a.${name}`,
  'an optional property': (name) => `a?.${name}.b`,
  'a string': (name) => `'${name}'`,
  'template text': (name) => `\`${name} \${b}\``,
  'an object key': (name) => `({ ${name}: 1 }).x`,
  'a method name': (name) => `({ ${name}() {} }).x`,
  'a comment': (name) => `(b /* ${name} */)`,
  'a regular expression': (name) => `/${name}/.x`,
  'a parameter used inside': (name) => `((${name}) => ${name}).x`,
  'a function of that name': (name) => `(function ${name}() { ${name} }).x`,
};
for (const [what, write] of Object.entries(HARMLESS_USES)) {
  test(`${what} with a forbidden name has no finding`, (t) => {
    forAll(t, (text, name) => fill(text, write(name)), clean);
  });
}

/** Wrappers that declare the name around (or beside) the program; @ is the program that uses it, N the name. */
const DECLARATIONS = [
  'var N = 1;\n@', 'let N;\n@', 'const N = 1;\n@', 'const { x: { N = 1 } } = {};\n@', 'const [, ...N] = [];\n@', '@\nvar { y: [N] } = {};', '@\nfunction N() {}',
  'class N {}\n@', '@\n{ function N() {} }', '@\nif (1) function N() {}', '@\nswitch (1) { default: function N() {} }', 'for (const N of []) {\n@\n}', 'for (let N = 1;;) {\n@\n}',
  'for (var N in {}) ;\n@', 'try {} catch (N) {\n@\n}', 'try {} catch ({ x: [N] }) {\n@\n}', '(async (N) => {\n@\n})', '(async ({ N }, ...x) => {\n@\n})', '(async function N() {\n@\n})',
  '(async function ({ x: N = 1 } = {}) {\n@\n})', '{ let N;\n@\n}', '@\nfor (var N;;) ;', '{ using N = null;\n@\n}', '@\ntry {} catch (N) { { function N() {} } }', '(class N { async m() {\n@\n} })',
];
for (const template of DECLARATIONS) {
  test(`a name declared by ${JSON.stringify(template)} is no finding`, (t) => {
    let accepted = 0;
    for (const text of programs.slice(0, 300)) {
      const name = dice.pick(FORBIDDEN);
      const source = template.replaceAll('N', name).replace('@', () => fill(text.replace("'use strict';\n", ''), name));
      if (refused(source)) continue;
      accepted += 1;
      clean(source);
    }
    t.diagnostic(`${accepted} programs`);
    assert.ok(accepted > 50);
  });
}
