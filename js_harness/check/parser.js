'use strict';

/** acorn, made lenient: V8 has judged validity, acorn only has to say what is a token and what belongs to what. */

const { Parser, tokTypes: types } = require('acorn');

const OPTIONS = {
  ecmaVersion: 'latest',
  sourceType: 'script',
  ranges: true, // eslint-scope asks for them
  checkPrivateFields: false,
};

const OPENS = { ')': ['('], '}': ['{', '${'] };
const SKIPPED = { ')': ['function'], '}': ['function', '('] };

class LenientParser extends Parser {
  imports = [];

  /** True while a token is being read, and for good when that failed: the end of the text cannot be judged then. */
  lexing = false;

  // Redeclarations, reserved words, octals in strict code …: early errors are V8's to find.
  raiseRecoverable() {}

  // acorn looks for redeclarations in arrays: 200,000 variables would take minutes.
  declareName() {}

  // V8 keeps `f() = 1`, `++f()` and `for (f() in x)` an error of the run, as old pages need it.
  toAssignable(node, ...rest) {
    return node?.type === 'CallExpression' ? node : super.toAssignable(node, ...rest);
  }

  checkLValSimple(node, ...rest) {
    if (node.type !== 'CallExpression') super.checkLValSimple(node, ...rest);
  }

  // What a regular expression may contain differs between engines; where it ends does not.
  validateRegExpFlags() {}

  validateRegExpPattern() {}

  // acorn turns an overflow into a SyntaxError; here it must stay what it is.
  catchStackOverflow(work) {
    return work();
  }

  finishNode(node, type) {
    if (type === 'ImportExpression') this.imports.push(node.start);
    return super.finishNode(node, type);
  }

  nextToken() {
    this.lexing = true;
    super.nextToken();
    this.lexing = false;
  }

  /**
   * Keeps the stack of brackets that tells a regular expression from a division, and the end of `${…}` from a closing
   * brace. acorn pops whatever is on top; in `${(a}` that would be the parenthesis, and the rest of the template be
   * read as code. In balanced text nothing changes.
   */
  updateContext(previous) {
    const closer = this.type.label;
    if (closer in OPENS) {
      let top = this.context.length - 1;
      while (top > 0 && SKIPPED[closer].includes(this.context[top].token)) top -= 1;
      if (!OPENS[closer].includes(this.context[top].token)) {
        this.exprAllowed = closer === '}';
        return;
      }
      this.context.length = top + 1;
    }
    // acorn knows that a keyword after a dot is a name, and forgets `?.`: `a?.of / 2`.
    super.updateContext(previous === types.questionDot ? types.dot : previous);
  }
}

/**
 * @param {string} text the wrapped text
 * @returns {{ast: object, imports: number[]}} imports: offsets of `import(...)`, in the order in which they end
 * @throws {SyntaxError|RangeError} on syntax that acorn does not know, or nesting too deep for it
 */
function parse(text) {
  const parser = new LenientParser(OPTIONS, text);
  return { ast: parser.parse(), imports: parser.imports };
}

/** Reads on without a grammar; the parser's own context is right as far as it got. @returns {boolean} to the end? */
function drain(parser) {
  try {
    while (parser.type !== types.eof) parser.next();
    return parser.curContext().token !== '`'; // a backtick as the last character passes for an end of its own
  } catch {
    return false;
  }
}

/**
 * Tokens by the parser as far as the grammar carries (it knows best what `/` means), from there by acorn's guesses.
 *
 * @param {string} text the user's text with the wrapper's beginning, without its end: a `}` too many would close `${`
 * @param {number} from where the user's part begins
 * @returns {{tokens: object[], complete: boolean}} complete is false when the end could not be reached (an
 *   unterminated string …)
 */
function lex(text, from) {
  const tokens = [];
  const onToken = (token) => {
    if (token.start >= from && token.type !== types.eof) tokens.push(token);
  };
  const parser = new LenientParser({ ...OPTIONS, onToken }, text);
  try {
    parser.parse();
    return { tokens, complete: true };
  } catch (error) {
    if (!(error instanceof RangeError)) return { tokens, complete: !parser.lexing && drain(parser) };
  }
  // Too deep for a recursive parser, not for a tokenizer: once more from the start, without the grammar.
  tokens.length = 0;
  const tokenizer = new LenientParser({ ...OPTIONS, onToken }, text);
  tokenizer.nextToken();
  return { tokens, complete: drain(tokenizer) };
}

module.exports = { LenientParser, lex, parse };
