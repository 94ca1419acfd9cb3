'use strict';

/** What tokens alone can tell: unmatched brackets, `import`, and uses of a name that cannot be anything else. */

const { tokTypes: types } = require('acorn');
const { FORBIDDEN } = require('./words.js');

/** In the order in which the contract reports them. */
const KINDS = ['curly', 'square', 'parenthesis'];

const OPENERS = new Map([
  [types.braceL, 'curly'], [types.dollarBraceL, 'curly'], [types.bracketL, 'square'], [types.parenL, 'parenthesis'],
]);
const CLOSERS = new Map([[types.braceR, 'curly'], [types.bracketR, 'square'], [types.parenR, 'parenthesis']]);

const oneOf = (...list) => new Set(list);
const isWord = (token, ...words) => token?.type === types.name && words.includes(token.value);
const isProperty = (token) => token?.type === types.dot || token?.type === types.questionDot;

/**
 * @param {object[]} tokens
 * @param {boolean} complete false: the end was not reached, so nothing can be said to stay open
 * @returns {{rule: string, start: number}|null} the closer without opener, else the outermost opener without closer
 */
function findBracket(tokens, complete) {
  const open = { curly: [], square: [], parenthesis: [] };
  const stray = {};
  for (const { type, start } of tokens) {
    if (OPENERS.has(type)) open[OPENERS.get(type)].push(start);
    const kind = CLOSERS.get(type);
    if (kind && open[kind].pop() === undefined) stray[kind] ??= start;
  }
  for (const rule of KINDS) {
    const start = stray[rule] ?? (complete ? open[rule][0] : undefined);
    if (start !== undefined) return { rule, start };
  }
  return null;
}

/** @returns {Map<number, number>} index of an opening parenthesis → index of the one that closes it */
function pairParentheses(tokens) {
  const pairs = new Map();
  const open = [];
  for (const [i, { type }] of tokens.entries()) {
    if (type === types.parenL) open.push(i);
    if (type === types.parenR && open.length) pairs.set(open.pop(), i);
  }
  return pairs;
}

// What may stand before the name of a method. A call may follow most of these too: `; import('x')`.
const BEFORE_METHOD = oneOf(types.braceL, types.braceR, types.comma, types.semi, types.star);
const METHOD_WORDS = ['get', 'set', 'static', 'async'];
const AFTER_DECLARATION = oneOf(types.name, types.string, types.braceL, types.star);

/** `import(x) {` in a class or an object; `import(x)` before a block on a line of its own looks the same and is rare. */
function isMethod(tokens, index, pairs) {
  const before = tokens[index - 1];
  if (isWord(before, ...METHOD_WORDS)) return true;
  return BEFORE_METHOD.has(before?.type) && tokens[pairs.get(index + 1) + 1]?.type === types.braceL;
}

function isImport(tokens, index, pairs) {
  if (isProperty(tokens[index - 1])) return false;
  const next = tokens[index + 1]?.type;
  if (next === types.parenL) return !isMethod(tokens, index, pairs);
  return next === types.dot || AFTER_DECLARATION.has(next);
}

/** @returns {number|null} offset of the first `import` that is a declaration, a call or a meta property */
function findImport(tokens) {
  let pairs;
  for (const [i, token] of tokens.entries()) {
    if (token.type !== types._import) continue;
    pairs ??= pairParentheses(tokens);
    if (isImport(tokens, i, pairs)) return token.start;
  }
  return null;
}

// After these an expression must follow, so a name there is a use: no binding, no key, no label.
const BEFORE_USE = oneOf(
  types.eq, types.assign, types.prefix, types.plusMin, types.star, types.slash, types.modulo, types.starstar,
  types.equality, types.relational, types.bitShift, types.bitwiseAND, types.bitwiseOR, types.bitwiseXOR,
  types.logicalAND, types.logicalOR, types.coalesce, types._in, types._instanceof,
  types._return, types._throw, types._typeof, types._void, types._delete, types._new, types._case,
);
const NAMES = new Set(FORBIDDEN);

/** A name before a dot is always a use; otherwise what stands before it must demand an expression. */
function isCertainUse(tokens, index) {
  const after = tokens[index + 1]?.type;
  if (isProperty(tokens[index + 1])) return true;
  const before = tokens[index - 1]?.type;
  // `*` also marks a generator: `{ *fs() {} }`, `function* fs() {}`.
  if (before === types.star && after === types.parenL) return false;
  return BEFORE_USE.has(before) && after !== types.arrow;
}

/**
 * For text that V8 accepted and acorn cannot parse. A name counts only if each of its occurrences is certainly a use
 * (or a property): one that might declare it, a key, a parameter, a pattern, clears the name altogether.
 *
 * @returns {{name: string, start: number}|null}
 */
function findCertain(tokens, complete) {
  const uses = new Map();
  const cleared = new Set();
  const start = findImport(tokens);
  if (start !== null) uses.set('import', start);
  for (const [i, token] of tokens.entries()) {
    if (token.type !== types.name || !NAMES.has(token.value) || isProperty(tokens[i - 1])) continue;
    if (!isCertainUse(tokens, i)) cleared.add(token.value);
    else if (!uses.has(token.value)) uses.set(token.value, token.start);
  }
  const certain = [...uses].filter(([name]) => name === 'import' || (complete && !cleared.has(name)));
  return certain.reduce((first, [name, at]) => (first && first.start < at ? first : { name, start: at }), null);
}

module.exports = { findBracket, findCertain, findImport };
