'use strict';
/* The value of a program is that of its last expression statement. A module has no value, but it can have a default export: the
 * statement is made one, in its place. V8 has judged the text valid; acorn only says where its statements are.
 *
 * What comes after it may only declare. Of an `if`, a loop or a block at the end nobody asks for the value. */
const { getLineInfo, tokTypes } = require('acorn');
const { LenientParser } = require('./check/parser');

const OPTIONS = { __proto__: null, ecmaVersion: 'latest', sourceType: 'module', checkPrivateFields: false };
const DECLARES = new Set(['EmptyStatement', 'VariableDeclaration', 'FunctionDeclaration', 'ClassDeclaration', 'ExportNamedDeclaration']);
const BEFORE = 'export default (', AFTER = ')';
const NEWLINE = /[\n\r\u2028\u2029]/;

/* Statements are dropped as they come: the tree of a large program would not fit into its memory. */
class Survey extends LenientParser {
  parseTopLevel() {
    this.last = this.import = null;
    for (let end = 0; this.type !== tokTypes.eof;) {
      const statement = this.parseStatement(null, true, {});
      if (statement.source) this.import ??= statement;
      if (statement.type === 'ExpressionStatement') {
        if (!this.isUseStrict(statement)) this.last = { start: statement.start, end: statement.end, after: end };
      } else if (!DECLARES.has(statement.type)) this.last = null;
      end = statement.end;
    }
    return this;
  }

  /* One node for all numbers: a table of them would be twenty times as large as its text. */
  parseLiteral(value) {
    if (typeof value !== 'number') return super.parseLiteral(value);
    this.next();
    return this.number ??= this.finishNode(this.startNode(), 'Literal');
  }

  isUseStrict({ start, end }) { return /^(['"])use strict\1;?$/.test(this.input.slice(start, end)); }
}

/** Where text was put into the user's: 1-based line and column, and how much of that line. */
function insertion(text, offset, width) {
  const { line, column } = getLineInfo(text, offset);
  return { __proto__: null, line, column: column + 1, width };
}

/**
 * The text with its last expression statement as its default export: what has to stand on a line before it, if it is the first
 * statement, and the `insertions` by which columns have moved. null for a text that ends in no such statement, or that acorn
 * cannot read.
 */
function withValue(text) {
  let found;
  try { found = new Survey(OPTIONS, text).parse().last; } catch { return null; }
  if (found === null) return null;
  const { start, after } = found, end = text[found.end - 1] === ';' ? found.end - 1 : found.end;
  const tail = text.slice(start, end) + AFTER + text.slice(end), closed = insertion(text, end, AFTER.length);
  if (after === 0) return { __proto__: null, before: BEFORE, text: text.slice(0, start) + tail, insertions: [closed] };
  const between = text.slice(after, start), head = `;${BEFORE}`;
  // at the end of a line above, where there is one, it moves no column
  const above = NEWLINE.test(between), insertions = above ? [closed] : [insertion(text, start, head.length), closed];
  return { __proto__: null, before: '', text: text.slice(0, after) + (above ? head + between : between + head) + tail, insertions };
}

/** The line of the first import, undefined when acorn cannot read the text. */
function importLine(text) {
  try { return getLineInfo(text, new Survey(OPTIONS, text).parse().import.start).line; } catch { return undefined; }
}

module.exports = { withValue, importLine };
