'use strict';
/* Programs that are modules: ES modules, which are V8's own, and CommonJS. Nothing can be imported into either.
 *
 *   turnOff()                            once, at boot: no `import()` and no `import.meta` reaches a loader of Node's
 *   compileModule(language, source)      { module } or { failure }; language is javascript, typescript or auto
 *     importOf(module)                   what it imports first, if anything: such a module cannot be evaluated
 *     exportsOf(module)                  its namespace; before `evaluate` only its names are there
 *     evaluate(module)                   a promise: when its top level has come to its end, or what it threw
 *   compileCommonJS(language, source)    { load } or { failure }
 *     load()                             runs it and returns its `module.exports`
 *
 * A `failure` is the JSON of a syntax failure. Code runs in the one realm there is, under the name user.js, with the user's lines.
 *
 * Why V8's modules, and neither `vm.SourceTextModule` nor an async function that an ES module is rewritten into? A rewrite takes
 * a parser of ours to know every syntax there is, and even then nothing is left of live bindings, hoisted exports and V8's own
 * words for what is wrong. `vm.SourceTextModule` is the same class behind a flag, and leaves `import()` in code from strings to
 * Node. In 300 paired runs of `export default 1 + 1` a child used 0.15 ms more CPU with it, and 0.60 ms with the rewrite. */
const { compileFunction } = require('vm');
const { decorateErrorStack } = require('internal/util');
const { internalBinding } = require('internal/test/binding');
const { apply, defineProperty, startsWith, Promise, TypeError } = require('./intrinsics');
const { RESET, compileAs, nodeVersion, refusedByV8, withoutHashbang } = require('./compile');
const { USER_FILE } = require('./errors');
const { cut } = require('./text');

const { ModuleWrap, ...binding } = internalBinding('module_wrap');
const { evaluate: evaluateModule, getNamespace, getModuleRequests, getStaticDependencySpecifiers, link, instantiate } = ModuleWrap.prototype;

const LINE_OFFSET = -1;                                      // the wrapper's one line, as in compile.js; errors.js counts on it
const NAMES = ['exports', 'require', 'module'];
/* Of a function Node 18 takes no negative line: there its text begins at once, which only the places of evaluated code tell. */
const [FUNCTION_BEFORE, FUNCTION_OFFSET] = startsWith(nodeVersion, '18.') ? ['', 0] : ['\n', LINE_OFFSET];

/** Why a module is not there, in the words of the one who asked for it. */
const refused = (verb, name) => new TypeError(`Cannot ${verb} '${cut(name, 200)}': modules are off`);

/* An async function: Node demands a promise of it. */
async function refuseImport(referrer, specifier) { throw refused('import', specifier); }

function turnOff() {
  binding.setImportModuleDynamicallyCallback(refuseImport);
  binding.setInitializeImportMetaObjectCallback(() => {});
}

/* `before` stands on the line before the user's first. */
function compileText(text, before = '') {
  try {
    const module = new ModuleWrap(USER_FILE, undefined, before + '\n' + text + RESET, LINE_OFFSET, 0, undefined);
    return { __proto__: null, module, text };
  } catch (e) {
    decorateErrorStack(e);                                   // of a module V8's line and caret are beside the stack, not in it
    return refusedByV8(e, text);
  }
}

/** Exactly one of `module`, with the `text` that it was made of (of TypeScript: without its types), and `failure`. */
const compileModule = (language, source) => compileAs(language, withoutHashbang(source), 'module', compileText);

/** The first name that it imports or exports from, undefined for none: then it is linked and can be evaluated. */
function importOf(module) {
  const requests = apply(getModuleRequests ?? getStaticDependencySpecifiers, module, []);   // in Node 18 a list of names
  if (requests.length > 0) return requests[0].specifier ?? requests[0];
  apply(link, module, [getModuleRequests ? [] : () => {}]);
  apply(instantiate, module, []);
  return undefined;
}

const exportsOf = (module) => apply(getNamespace, module, []);

/** Whoever awaits it is asked for its `constructor`: one that is surely right is put there. */
function evaluate(module) {
  const running = apply(evaluateModule, module, [-1, false]);
  defineProperty(running, 'constructor', { __proto__: null, value: Promise });
  return running;
}

/** CommonJS. V8 takes the text for the body of a function and nothing else, so nothing can be closed that was not opened. */
const compileCommonJS = (language, source) => compileAs(language, withoutHashbang(source), 'function', (text) => {
  let body;
  try { body = compileFunction(FUNCTION_BEFORE + text + RESET, NAMES, { __proto__: null, filename: USER_FILE, lineOffset: FUNCTION_OFFSET }); } catch (e) { return refusedByV8(e, text); }
  return { __proto__: null, load: () => loadCommonJS(body) };
});

const { require: requireNothing } = { require(name) { throw refused('require', `${name}`); } };

function loadCommonJS(body) {
  const exports = {}, module = { exports };
  apply(body, exports, [exports, requireNothing, module]);
  return module.exports;
}

module.exports = { refused, turnOff, compileModule, compileText, importOf, exportsOf, evaluate, compileCommonJS };
