'use strict';

/**
 * Findings of the code-node check: rules 3 and 5 of `POST /validate` (and `import`, which is looked for in both cases).
 * V8 alone decides whether a text is valid; the caller compiles it first and passes the verdict. The findings are a
 * service to people who paste code, not a fence: what the check does not see the jail stops. So in doubt it says
 * nothing, a finding about innocent code being the worse mistake.
 *
 * Pure, synchronous, no I/O. Runs before any user code has run in the process. Loads acorn and eslint-scope on first
 * need only: they cost more than most checks, and most code names nothing on the list.
 */

const { FORBIDDEN, message, place } = require('./check/words.js');

// What user.js is wrapped in when it runs. The bare body would be another grammar (`using`, `await`, `return`).
const PREFIX = '(async () => {\n';
const SUFFIX = '\n})';

// An over-approximation: a hit inside a string or after a letter like é costs a parse, never a finding.
const worthParsing = new RegExp(String.raw`(?<![\w$])(?:${[...FORBIDDEN, 'import'].join('|')})(?![\w$])|\\u`);

/** The text as the worker compiles it, up to the end of the user's part; a hashbang becomes a comment as long. */
const open = (source) => PREFIX + (source.startsWith('#!') ? `//${source.slice(2)}` : source);

/**
 * @param {string} source the user's text
 * @param {string} rule 'curly' | 'square' | 'parenthesis' | 'pattern'
 * @param {string|null} name what was found, for 'pattern'
 * @param {number} start offset in the wrapped text
 */
function finding(source, rule, name, start) {
  const { line, column } = place(source, start - PREFIX.length);
  return Object.freeze({ rule, message: message(rule, name), name, line, column });
}

/** V8 refused the text: brackets, then `import`; everything else is for V8's own message. */
function checkRefused(source) {
  const { lex } = require('./check/parser.js');
  const { findBracket, findImport } = require('./check/tokens.js');
  const { tokens, complete } = lex(open(source), PREFIX.length);
  const bracket = findBracket(tokens, complete);
  if (bracket) return finding(source, bracket.rule, null, bracket.start);
  const start = findImport(tokens);
  return start === null ? null : finding(source, 'pattern', 'import', start);
}

/** V8 accepted the text: the first free identifier of the list, or `import(...)`. */
function checkAccepted(source) {
  if (!worthParsing.test(source)) return null;
  const { lex, parse } = require('./check/parser.js');
  const { findFree } = require('./check/scope.js');
  let found;
  try {
    found = findFree(parse(open(source) + SUFFIX));
  } catch {
    // acorn does not know syntax that V8 knows, or the text is nested deeper than a recursive walk can go. V8 has
    // judged it valid, so only what the tokens show beyond doubt counts; usually that is nothing.
    const { findCertain } = require('./check/tokens.js');
    const { tokens, complete } = lex(open(source), PREFIX.length);
    found = findCertain(tokens, complete);
  }
  return found && finding(source, 'pattern', found.name, found.start);
}

/**
 * @param {string} source the user's text: the body of an async function, JavaScript (types already stripped)
 * @param {boolean} refused whether V8 refused it
 * @returns {null|Readonly<{rule: 'curly'|'square'|'parenthesis'|'pattern', message: string, name: string|null,
 *   line: number, column: number}>} the first finding in the order of the contract; line and column are 1-based, the
 *   column counts UTF-16 units
 */
function check(source, refused) {
  return refused ? checkRefused(source) : checkAccepted(source);
}

/**
 * Loads the parsers and runs every path, for a server that forks afterwards. Costs about 50 ms. One round leaves the
 * first check of 2 KB at 12 to 19 ms, ten at 7, a hundred gain nothing more.
 */
function warm() {
  const samples = [
    ['const fs = 1; class A { #p = `${fs}`; static { ({ fs }) => this.#p?.x; } } { function module() {} } module', false],
    ['for (const [k, { v = /x/ }] of await y) { try { k(async (...a) => v) } catch { switch (a) { default: } } } eval', false],
    ['label: while (a) { x ??= function* f() { yield* [...b] }; break label } import("x")', false],
    ['foo(`${[1}`', true],
    ['import x from "x"; a.b(', true],
    ['a |> fs.b', false],
  ];
  for (let round = 0; round < 10; round += 1) {
    for (const [source, refused] of samples) check(source, refused);
  }
}

module.exports = { check, warm };
