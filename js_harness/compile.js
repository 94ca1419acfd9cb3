'use strict';
/* From the user's text to a function, by V8 alone: no other parser decides what is valid.
 *
 * The text is the body of an async function in a script named user.js whose first line is the user's first line. Not of an arrow
 * function, which V8 parses twice: it sees that a function in parentheses is about to be called, and compiles it at once.
 */
const { Script, createContext, runInContext } = require('vm');
const nodeModule = require('module');
const { exec, slice, indexOf, startsWith, charCodeAt, String, read } = require('./intrinsics');
const { USER_FILE, failure } = require('./errors');

const nodeVersion = process.versions.node;
const hasTypeScript = typeof nodeModule.stripTypeScriptTypes === 'function';

/* What stands around the user's text, for V8 and for the stripper of types: each begins with one line of ours. */
const WRAPPERS = { __proto__: null, body: ['(async function () {\n', '\n})'], module: ['\n', '\n'], function: ['(function () {\n', '\n})'] };
/* The last magic comment wins and an empty one resets it: a user's `//# sourceURL=` would rename frames and make V8 ignore lineOffset. */
const RESET = '\n//# sourceURL=\n//# sourceMappingURL=';
const SCRIPT = Object.freeze({ __proto__: null, filename: USER_FILE, lineOffset: -1 });
const NO_TYPESCRIPT = 'TypeScript needs Node 22.13 or later; this daemon runs Node ' + nodeVersion;
const PLACE = /^[^\n]*:(\d+)\n(?:[^\n]*\n([ \t]*)\^)?/;
/* The stripper quotes a few lines before the caret; it widens tabs and wide characters, so its column counts for plain text only. */
const TS_PLACE = /^[^\n]*:(\d+)\n(?:(?:[^\n]*\n)*?( *)\^)?/;

/* With --disallow-code-generation-from-strings the main realm's constructor is dead, so it comes from a second context. No
 * user code runs there: the constructor is only asked whether the text is one function body. */
let AsyncFunction;
function prepare(codegen) {
  AsyncFunction = codegen ? (async () => {}).constructor
    : runInContext('(async () => {}).constructor', createContext({ __proto__: null }, { codeGeneration: { strings: true, wasm: false } }));
}

const countLines = (text) => { let n = 1; for (let i = 0; i < text.length; i++) if (charCodeAt(text, i) === 10) n++; return n; };

/** A text that is not what it should be: `failure` is the JSON of it; `line` and `column` say how far its reader got. */
const refusal = (message, line, column) => ({ __proto__: null, failure: failure('syntax', 'SyntaxError', message, line, column), message, line, column });

/** A hashbang becomes a comment of the same length: positions stay. */
const withoutHashbang = (source) => (startsWith(source, '#!') ? '//' + slice(source, 2) : source);

/* V8's stack of a SyntaxError begins `user.js:LINE`, the line, and a caret. A line past the end of the text is the wrapper's. */
function refusedByV8(error, source) {
  const place = exec(PLACE, String(read(error, 'stack'))), lines = countLines(source);
  if (place && +place[1] > lines) return refusal('Unexpected end of input', lines, 0);
  return refusal(String(read(error, 'message')), place ? +place[1] : 0, place && place[2] !== undefined ? place[2].length + 1 : 0);
}

/**
 * Compiles a function body: exactly one of `script` and `failure` (the JSON of a syntax failure).
 * A text that closes our wrapper and opens another (`}); x; (async function () {`) is one script but not one function body: V8's
 * own AsyncFunction constructor refuses it.
 */
function compileBody(source) {
  const text = withoutHashbang(source), [before, after] = WRAPPERS.body;
  let script;
  try { script = new Script(before + text + after + RESET, SCRIPT); } catch (e) { return refusedByV8(e, text); }
  const closed = indexOf(text, '}');                         // ours, perhaps; then another has to be opened behind it
  if (closed < 0 || indexOf(text, '{', closed) < 0) return { __proto__: null, script };
  try { new AsyncFunction(text); } catch { return refusal('A bracket is closed that the code did not open', 0, 0); }
  return { __proto__: null, script };
}

/**
 * TypeScript to JavaScript of the same length: types become blanks, so that lines and columns stay.
 * Exactly one of `text` and `failure`, with `refused` when the text is not even TypeScript. What cannot be erased (enum,
 * namespace) is refused by name, as is a Node without it. `wrapper` names what the text is the inside of.
 */
function stripTypes(source, wrapper = 'body') {
  if (!hasTypeScript) return { __proto__: null, failure: failure('unsupported', 'TypeError', NO_TYPESCRIPT) };
  const head = withoutHashbang(source), [before, after] = WRAPPERS[wrapper];
  try {
    const text = nodeModule.stripTypeScriptTypes(before + head + after, { __proto__: null, mode: 'strip' });
    return { __proto__: null, text: slice(text, before.length, text.length - after.length) };
  } catch (e) {
    const place = exec(TS_PLACE, String(read(e, 'stack'))), lines = countLines(head);
    const line = place ? +place[1] - 1 : 0, column = place && place[2] !== undefined && exec(/[^\n\r\x20-\x7e]/, head) === null ? place[2].length + 1 : 0;
    const message = exec(/^[^\n]*/, String(read(e, 'message')))[0];
    const found = refusal(message, line > lines ? lines : line, line > lines ? 0 : column);
    found.refused = read(e, 'code') !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX';
    return found;
  }
}

/* Without a column its reader came to the end of the line. */
const isFurther = (one, other) => one.line > other.line || (one.line === other.line && other.column > 0 && (one.column === 0 || one.column > other.column));

/**
 * What `compile` makes of the source in its language. "auto" is JavaScript if V8 takes it, for `[a < b, b > (2)]` means
 * something else in TypeScript. If neither is right the one that got further tells why: over the first type V8 stumbles, over
 * a mistake that is none of types both do, and then V8's words are the better known.
 */
function compileAs(language, source, wrapper, compile) {
  const plain = language === 'typescript' ? undefined : compile(source);
  if (plain !== undefined && (plain.failure === undefined || language === 'javascript')) return plain;
  if (plain !== undefined && !hasTypeScript) return refusal(plain.message + ' (' + NO_TYPESCRIPT + ')', plain.line, plain.column);
  const stripped = stripTypes(source, wrapper);
  if (stripped.failure === undefined) return compile(stripped.text);
  return plain === undefined || !stripped.refused || isFurther(stripped, plain) ? stripped : plain;
}

module.exports = { RESET, prepare, compileBody, compileAs, isFurther, refusedByV8, stripTypes, withoutHashbang, hasTypeScript, nodeVersion };
