'use strict';

/** Free identifiers of the forbidden list in a syntax tree: eslint-scope, kept to these names, plus Annex B. */

const { Referencer, ScopeManager } = require('eslint-scope');
const { FORBIDDEN } = require('./words.js');

const OPTIONS = {
  optimistic: false,
  nodejsScope: false,
  impliedStrict: false,
  ignoreEval: true, // a direct eval could declare anything; a free `eval` is a finding itself
  sourceType: 'script',
  ecmaVersion: 2026,
  childVisitorKeys: null,
  fallback: 'iteration',
};

// A bound for what stays quadratic: references in the parameters × declarations in the body.
const MAX_NAMES = 20_000;

const names = new Set(FORBIDDEN);

const isPlainFunction = ({ type, node }) =>
  type === 'FunctionName' && node.type === 'FunctionDeclaration' && !node.async && !node.generator;

const isSimpleCatch = ({ type, node }) => type === 'CatchClause' && node.param.type === 'Identifier';

/**
 * Scopes that only know the forbidden names, and Annex B, which eslint-scope leaves out.
 *
 * Narrow, because eslint-scope keeps each reference in every scope that it leaves and searches lists at each
 * declaration: 1 MB of `a;a;a` in 2,000 blocks would take gigabytes, `var a, b, c …` minutes.
 */
class NarrowScopeManager extends ScopeManager {
  seen = 0;

  /** Names on their way out of a block (Annex B): scope → definitions. */
  hoisting = new Map();

  __nestScope(scope) {
    const { __define: define, __referencing: reference, __close: close } = scope;
    const narrow = (method) => (node, ...rest) => {
      if (!node || !names.has(node.name)) return;
      this.seen += 1;
      if (this.seen > MAX_NAMES) throw new RangeError('too many names to judge');
      Reflect.apply(method, scope, [node, ...rest]);
    };
    scope.__define = narrow(define);
    scope.__referencing = narrow(reference);
    scope.__delegateToUpperScope = this.delegate(scope);
    scope.__close = (manager) => {
      this.hoist(scope);
      return Reflect.apply(close, scope, [manager]);
    };
    return super.__nestScope(scope);
  }

  /** All references that leave a scope resolve alike further out: the first one in the source stands for them. */
  delegate(scope) {
    const leaving = new Map();
    return (ref) => {
      const known = leaving.get(ref.identifier.name);
      if (!known) {
        leaving.set(ref.identifier.name, ref);
        (scope.upper ? scope.upper.__left : scope.through).push(ref);
      } else if (ref.identifier.start < known.identifier.start) {
        known.identifier = ref.identifier;
      }
    };
  }

  /**
   * Annex B.3.2 to B.3.4: a sloppy function in a block is a `var` of the function around it too, unless a `let` of a
   * block between stands in the way. A simple catch parameter does not. Done when the block closes: all of its names
   * are known then, and the scopes further out are still open.
   */
  hoist(scope) {
    if (scope.isStrict || scope === scope.variableScope) return;
    const own = scope.variables.flatMap(({ defs }) => defs.filter(isPlainFunction).slice(0, 1));
    const passing = (this.hoisting.get(scope) ?? [])
      .filter(({ name }) => scope.set.get(name.name)?.defs.every(isSimpleCatch) ?? true);
    for (const definition of [...own, ...passing]) {
      const { upper } = scope;
      if (upper === upper.variableScope) upper.__define(definition.name, definition);
      else if (!this.hoisting.has(upper)) this.hoisting.set(upper, [definition]);
      else this.hoisting.get(upper).push(definition);
    }
  }
}

class FlatReferencer extends Referencer {
  /** `a + b + c …` is a tree as deep as it is long: walked in a loop, or a long text of sums overflows the stack. */
  BinaryExpression(node) {
    const rights = [];
    let left = node;
    for (; left.type === node.type; left = left.left) rights.push(left.right);
    this.visit(left);
    while (rights.length) this.visit(rights.pop());
  }

  LogicalExpression(node) {
    this.BinaryExpression(node);
  }
}

/**
 * @param {{ast: object, imports: number[]}} parsed
 * @returns {{name: string, start: number}|null} the first one in source order
 * @throws {RangeError} when the tree is too deep or has too many of these names
 */
function findFree({ ast, imports }) {
  const manager = new NarrowScopeManager(OPTIONS);
  new FlatReferencer(OPTIONS, manager).visit(ast);
  let first = null;
  const offer = (name, start) => {
    if (!first || start < first.start) first = { name, start };
  };
  for (const { identifier } of manager.globalScope.through) offer(identifier.name, identifier.start);
  for (const start of imports) offer('import', start);
  return first;
}

module.exports = { findFree };
