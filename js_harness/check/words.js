'use strict';

/** The free identifiers that rule 5 names; `import` is a keyword and treated apart. */
const FORBIDDEN = Object.freeze([
  'require', 'eval', 'Function', 'process', 'child_process', 'fs', 'module', 'exports', '__dirname', '__filename', 'global',
]);

const MESSAGES = {
  curly: 'Unmatched curly braces',
  square: 'Unmatched square brackets',
  parenthesis: 'Unmatched parentheses',
  pattern: 'Dangerous pattern detected: ',
};

/** @returns {string} the contract's text of a finding. */
const message = (rule, name) => MESSAGES[rule] + (name ?? '');

// The line terminators of ECMAScript, which V8 counts too: U+2028 and U+2029 as well.
const LINE_BREAK = /\r\n?|[\n\u2028\u2029]/g;

/** @returns {{line: number, column: number}} 1-based place of an offset; the column counts UTF-16 units. */
function place(source, offset) {
  let line = 1;
  let lineStart = 0;
  for (const { 0: text, index } of source.slice(0, offset).matchAll(LINE_BREAK)) {
    line += 1;
    lineStart = index + text.length;
  }
  return { line, column: offset - lineStart + 1 };
}

module.exports = { FORBIDDEN, message, place };
