'use strict';
/* From the user's text to a function, by V8 alone: no other parser decides what is valid.
 *
 * The text is the body of an async arrow function in a script named user.js whose first line is the user's first line.
 */
const { Script, createContext, runInContext } = require('vm');
const nodeModule = require('module');
const { exec, slice, indexOf, startsWith, charCodeAt, String, read } = require('./intrinsics');
const { USER_FILE, failure } = require('./errors');

const nodeVersion = process.versions.node;
const hasTypeScript = typeof nodeModule.stripTypeScriptTypes === 'function';

const PREFIX = '(async () => {\n';
/* The last magic comment wins and an empty one resets it: a user's `//# sourceURL=` would rename frames and make V8 ignore lineOffset. */
const SUFFIX = '\n})\n//# sourceURL=\n//# sourceMappingURL=';
const SCRIPT = Object.freeze({ __proto__: null, filename: USER_FILE, lineOffset: -1 });
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

/* V8's stack of a SyntaxError begins `user.js:LINE`, the line, and a caret. A line past the end of the body is the wrapper's. */
function syntaxFailure(error, source) {
  const place = exec(PLACE, String(read(error, 'stack'))), lines = countLines(source);
  if (place && +place[1] > lines) return failure('syntax', 'SyntaxError', 'Unexpected end of input', lines);
  return failure('syntax', 'SyntaxError', String(read(error, 'message')), place ? +place[1] : 0, place && place[2] !== undefined ? place[2].length + 1 : 0);
}

/**
 * Compiles a function body: exactly one of `script` and `failure` (the JSON of a syntax failure).
 * A text that closes our wrapper and opens another (`}); x; (async () => {`) is one script but not one function body: V8's
 * own AsyncFunction constructor refuses it.
 */
function compileBody(source) {
  const text = startsWith(source, '#!') ? '//' + slice(source, 2) : source;   // same length: positions stay
  let script;
  try { script = new Script(PREFIX + text + SUFFIX, SCRIPT); } catch (e) { return { __proto__: null, failure: syntaxFailure(e, text) }; }
  if (indexOf(text, '}') < 0) return { __proto__: null, script };   // no bracket, nothing closed: the second parse is for the others
  try { new AsyncFunction(text); } catch { return { __proto__: null, failure: failure('syntax', 'SyntaxError', 'A bracket is closed that the code did not open') }; }
  return { __proto__: null, script };
}

/**
 * TypeScript to JavaScript of the same length: types become blanks, so that lines and columns stay.
 * Exactly one of `text` and `failure`, with `refused` when the text is not even TypeScript. What cannot be erased (enum,
 * namespace) is refused by name, as is a Node without it.
 */
function stripTypes(source) {
  if (!hasTypeScript) {
    return { __proto__: null, failure: failure('unsupported', 'TypeError', 'TypeScript needs Node 22.13 or later; this daemon runs Node ' + nodeVersion) };
  }
  const head = startsWith(source, '#!') ? '//' + slice(source, 2) : source;
  try {
    const text = nodeModule.stripTypeScriptTypes(PREFIX + head + '\n})', { __proto__: null, mode: 'strip' });
    return { __proto__: null, text: slice(text, PREFIX.length, text.length - 3) };
  } catch (e) {
    const place = exec(TS_PLACE, String(read(e, 'stack'))), lines = countLines(head);
    const line = place ? +place[1] - 1 : 0, column = place && place[2] !== undefined && exec(/[^\n\r\x20-\x7e]/, head) === null ? place[2].length + 1 : 0;
    const message = exec(/^[^\n]*/, String(read(e, 'message')))[0], refused = read(e, 'code') !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX';
    return { __proto__: null, refused, failure: failure('syntax', 'SyntaxError', message, line > lines ? lines : line, line > lines ? 0 : column) };
  }
}

module.exports = { prepare, compileBody, stripTypes, hasTypeScript, nodeVersion };
