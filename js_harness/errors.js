'use strict';
/* Errors as users see them: their own frames, their own line and column, whatever was thrown. */
const { Error, String, defineProperty, getPrototypeOf, uncurry, startsWith, indexOf, slice, exec, weakGet, weakSet, read } = require('./intrinsics');
const { inspect } = require('util');
const { quote, cut } = require('./text');

const USER_FILE = 'user.js';
const EVAL_PLACE = /\buser\.js:(\d+):/;
const MAX = { message: 4096, name: 200, stack: 4096, frames: 10 };
const INSPECT = Object.freeze({ __proto__: null, depth: 2, maxArrayLength: 20, maxStringLength: 1000, breakLength: Infinity, compact: true });

const site = (() => {
  const before = Error.prepareStackTrace;
  Error.prepareStackTrace = (_, frames) => frames;
  const prototype = getPrototypeOf(new Error().stack[0]);
  Error.prepareStackTrace = before;
  const method = (name) => uncurry(prototype[name]);
  return { file: method('getFileName'), shown: method('getScriptNameOrSourceURL'), evaluated: method('isEval'), line: method('getLineNumber'), column: method('getColumnNumber'), text: method('toString') };
})();
const header = uncurry(Error.prototype.toString);
const positions = new WeakMap();
let insertions = [];

/** What the harness has put into the user's text, as `completion.js` tells it: errors are told without. */
function setInsertions(list) { insertions = list; }

function columnOf(line, column) {
  let own = column;
  for (let i = 0; i < insertions.length; i++) {
    const one = insertions[i];
    if (one.line === line && own >= one.column + one.width) own -= one.width;
  }
  return own;
}

function renamed(line, alias, file) {
  let text = '', from = 0;
  for (let at = indexOf(line, alias); at >= 0; at = indexOf(line, alias, from)) {
    text += slice(line, from, at) + file;
    from = at + alias.length;
  }
  return text + slice(line, from);
}

const placed = (line, column) => USER_FILE + ':' + String(line) + ':' + String(column);

/* Of evaluated code V8 prints where the `eval` stands, and there alone it forgets the script's lineOffset of -1. */
function moved(line) {
  let text = '', from = 0;
  for (let place = exec(EVAL_PLACE, line); place !== null; place = exec(EVAL_PLACE, slice(line, from))) {
    text += slice(line, from, from + place.index) + USER_FILE + ':' + String(+place[1] - 1) + ':';
    from += place.index + place[0].length;
  }
  return text + slice(line, from);
}

/* V8 asks once per error, at the first read of `.stack`. Frames are judged by getFileName, which a `//# sourceURL=` in
 * evaluated code cannot change; what it does change, the printed name, is put back. */
function prepareStackTrace(error, frames) {
  let text, where, shown = 0;
  try { text = header(error); } catch { text = 'Error'; }
  for (let i = 0; i < frames.length && shown < MAX.frames; i++) {
    const file = site.file(frames[i]);
    if (typeof file === 'string' && file !== USER_FILE && (startsWith(file, 'node:') || startsWith(file, 'sandboxd:') || startsWith(file, '/'))) continue;
    let line = site.text(frames[i]);
    if (site.evaluated(frames[i])) line = moved(line);
    else if (file === USER_FILE) {
      const alias = site.shown(frames[i]);
      if (typeof alias === 'string' && alias !== file && alias !== '') line = renamed(line, alias, file);
      const at = site.line(frames[i]), shownColumn = site.column(frames[i]), column = columnOf(at, shownColumn);
      if (column !== shownColumn) line = renamed(line, placed(at, shownColumn), placed(at, column));
      if (!where && at > 0) where = { __proto__: null, line: at, column };
    }
    text += '\n    at ' + line;
    shown++;
  }
  if (where) try { weakSet(positions, error, where); } catch { /* not an object: no position */ }
  return text;
}

/** The JSON of one failure; `line` and `column` are left out when there are none. */
function failure(kind, name, message, line, column, stack) {
  return '{"kind":' + quote(kind) + ',"name":' + quote(name) + ',"message":' + quote(message) +
    (typeof line === 'number' && line > 0 ? ',"line":' + String(line) : '') +
    (typeof column === 'number' && column > 0 ? ',"column":' + String(column) : '') +
    (stack ? ',"stack":' + quote(stack) : '') + '}';
}

/** The failure for anything that was thrown; never throws itself. */
function describe(thrown, kind) {
  if ((typeof thrown !== 'object' || thrown === null) && typeof thrown !== 'function') {
    let text = 'a value that cannot be shown';
    try { text = String(thrown); } catch { /* keep */ }
    return failure(kind, 'Error', cut(text, MAX.message));
  }
  const stack = read(thrown, 'stack'), name = read(thrown, 'name'), message = read(thrown, 'message');
  let text = 'a value that cannot be shown was thrown';
  if (typeof message === 'string') text = message;
  else try { text = inspect(thrown, INSPECT); } catch { /* keep */ }
  const where = weakGet(positions, thrown);
  return failure(kind, typeof name === 'string' && name !== '' ? cut(name, MAX.name) : 'Error', cut(text, MAX.message),
    where && where.line, where && where.column, typeof stack === 'string' ? cut(stack, MAX.stack) : '');
}

function install() {
  defineProperty(Error, 'prepareStackTrace', { __proto__: null, value: prepareStackTrace, writable: true, configurable: true, enumerable: false });
  Error.stackTraceLimit = 20;
}

module.exports = { USER_FILE, describe, failure, install, setInsertions };
