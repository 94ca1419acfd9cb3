'use strict';

/**
 * Random programs: small texts of statements in which one expression reads HOLE. Nothing declares HOLE, so whatever
 * name replaces it is free unless the replacement declares it. `@e @p @s @b` stand for an expression, a pattern, a
 * statement and a block; `@n` for a fresh name; `@l` for a label.
 */

const EXPRESSIONS = [
  'a', 'b', 'c', '1', '0x1f', '1n', '.5', "'s'", '"process"', "'{['", 'null', 'this', 'true', 'new.target', 'yield_',
  '`t{(`', '`x${@e}y`', '`${@e}${`in${@e}(`}`', 'tag`a${@e}\\u{1`', '/re[/(]/g', '/[{]\\//', '(@e) / (@e) / 2', 'a / b / c',
  'a++ / 2', 'a.b', 'a?.b', 'a?.[@e]', 'a?.of / 2', 'a.return / 2', 'a.process', 'a.import', 'a?.import', 'a[@e]', 'a(@e, @e)',
  'a(...[@e])', 'new a(@e)', 'await (@e)', '(@e)', '(@e, @e)', '[@e, , ...[@e]]', '{ o: @e }', '({ a, b: @e, [@e]: 1, ...a })',
  '({ process: 1, import: @e, get fs() { @s }, set module(@n) { @s }, *eval() { @s }, async require() { @s } })',
  '!(@e)', '-(@e)', 'typeof (@e)', 'void (@e)', 'delete a[@e]', '(@e) + (@e)', '(@e) ** 2', '(@e) ?? (@e)', '(@e) || (@e) && a',
  '(@e) ? @e : @e', "'x' in (@e)", '(@e) instanceof a', 'a = @e', 'a.b ??= @e', '[a, b = @e] = [@e]', '({ a, b: c = @e } = (@e))',
  '(@n) => @e', '@n => ({ b: @e })', 'async (@p = [@e]) => { @s }', '(...@p) => { @s }', 'function (@p = [@e]) { @s }',
  'function @n(x) { @s }', 'function* () { yield @e; yield* (@e); yield /re/ }', 'async function* () { for await (const x of @e) { @s } }',
  'class { @m }', 'class @n extends (@e) { @m }', '(() => {}) / 2', 'function () {} / 2', '({}) / 2', '[] / 2', 'let_', 'async', 'of', 'get',
];
const PATTERNS = ['@n', '[@n]', '[@n = @e, ...@n]', '{ @n }', '{ @n = @e }', '{ process: @n }', '{ [@e]: @n, ...@n }', '{ fs: { @n }, x: [@n] }'];
const MEMBERS = [
  'x = @e;', 'static y = @e', "'process' = 1;", '[@e] = 2;', '#p = @e; q() { return this.#p / 2 }', 'static { @s }', 'constructor(@p) { @s }',
  'get process() { @s }', 'static async *fs(@p = [@e]) { @s }', 'module; exports', 'static import() {}', 'import = 1;', '#z; has(o) { return #z in o }',
];
const STATEMENTS = [
  '@e0;', '@e0;', 'return @e;', 'var @p = [@e];', 'let @p = [@e];', 'const @n = @e;', 'var @n;', ';', '@b', 'if (@e) @b', 'if (@e) @b else @s',
  'if (@e) /re[(]/.test(a)', 'for (let @n = @e; @e; @e) @b', 'for (var @n in @e) @b', 'for (const @p of [@e]) @b', 'for await (const @n of @e) @b',
  'for (a.b of [@e]) @b', 'for (;;) { @s break }', 'while (@e) { @s continue }', 'do @b while (@e)', 'do a; while (0) b', '@l: for (;;) { @s break @l }',
  'process: { @s break process; }', 'switch (@e) { case @e: @s break; default: @s }', 'try @b catch @b', 'try @b catch (@p) @b finally @b', 'throw @e;',
  'function @n(@p) { @s }', 'async function @n(@p = [@e]) { @s }', 'function* @n() { @s }', 'class @n { @m @m }', '{ function @n() { @s } }', '{ @b }\n/re(?:[)])/.test(a);',
  'if (a) function @n() { @s }', '@l: function @n() {}', 'with (@e) @b', 'a\n++\nb', 'a\n++\nb;', 'for (a(@e) in b) @b', 'a = b\n/re/g.exec(c)', 'var let_ = 010, yield_;', '// process ( {\n', '/* fs [ */',
  'a\n--> process ( in a comment\n', '<!-- module {\n', 'debugger', 'label\u2028:\n{ @s }', 'x = function () {}\n/1/g;', 'var async = async => async', 'let of = [@e];',
  'async () => { "use strict"; @s };', 'a = { get: @e, set, async, static: 1, of, await: 2, process() { @s } };', 'using_: ;', '{ using @n = null; @s }', '{ await using @n = null; @s }',
];
const LEAF = { e: ['a', 'b', '1', "'fs'", '/x/', '[]', '({})'], p: ['@n'], s: ['a();', ';', 'b = 1;'], m: ['x = 1;'], b: ['{ a }'] };
const RULES = { e: EXPRESSIONS, p: PATTERNS, s: STATEMENTS, m: MEMBERS };

/** @returns {string} a text with exactly one HOLE, mostly but not always valid */
function program({ below, pick }) {
  let fresh = 0;
  let label = 0;
  let budget = 30;
  const expand = (template, depth) => {
    const own = `L${label++}`;
    return template.replace(/@([epsmbnl])0?/g, (mark, kind) => {
      if (kind === 'n') return `n${fresh++}`;
      if (kind === 'l') return own;
      budget -= 1;
      if (budget < 0 || depth > 5) return expand(pick(LEAF[kind]), depth + 1);
      if (kind === 'b') return expand(pick(['{ @s }', '{ @s @s }', '{}']), depth + 1);
      const text = expand(pick(RULES[kind]), depth + 1);
      if (kind === 's' || kind === 'm') return `${text}\n`;
      return kind === 'e' ? `(${mark.endsWith('0') ? text : text.replace(/^\{.*\}$/s, '($&)')})` : text;
    });
  };
  const parts = Array.from({ length: 2 + below(4) }, () => `${expand('@s', 0)}\n`);
  const uses = ['HOLE', 'HOLE.x', 'HOLE()', 'typeof HOLE', 'x = { HOLE }', 'HOLE = 1', '[HOLE] = [1]', 'f`${HOLE}`', '[...HOLE]', 'new HOLE', 'HOLE++', '(x = HOLE) => 1',
    '({ [HOLE]: x } = 1)', 'class extends HOLE {}', 'class { [HOLE]() {} }', 'class { x = HOLE }', 'async () => { await HOLE }', 'a ? HOLE : 1', 'function () { return HOLE }', '({ x = HOLE } = {})'];
  const frames = ['(@);', '(@);', '{ x = (@); }', 'if (@) x;', 'for (const x of [(@)]) ;', 'switch (1) { case (@): }', 'try { (@) } catch {}', 'var v = (@);', 'function g() { (@) }', '(() => (@))();', 'lab: (@);', 'throw (@);'];
  const at = below(parts.length + 1);
  parts.splice(at, 0, `${pick(frames).replace('@', () => pick(uses))}\n`);
  return (below(8) ? '' : "'use strict';\n") + parts.join('');
}

module.exports = { program };
