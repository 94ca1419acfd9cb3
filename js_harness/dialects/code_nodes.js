'use strict';
/* Code nodes: the text is the body of an async function; the result is the global `results`, else what was returned. */
const { define, current } = require('../realm');
const { apply, ownKeys } = require('../intrinsics');
const { compileBody, stripTypes, hasTypeScript, prepare: boot } = require('../compile');
const { encode } = require('../encode');
const { failure } = require('../errors');
const checker = require('../check');

const realm = globalThis;
let results;

const finding = (found) => ({ __proto__: null, failure: failure('finding', 'ValidationError', found.message, found.line, found.column) });

/* Stripped, compiled and checked, in the order of the validation rules: brackets and imports of a text that V8 refuses come
 * before V8's own words, forbidden names only matter in a text that it accepts. */
function prepare(request) {
  let source = request.source;
  if (request.language === 'typescript') {
    const stripped = stripTypes(source);
    if (stripped.failure !== undefined) {
      const early = request.check && stripped.refused ? checker.check(source, true) : null;
      return early ? finding(early) : stripped;
    }
    source = stripped.text;
  }
  const compiled = compileBody(source);
  const found = request.check ? checker.check(source, compiled.failure !== undefined) : null;
  return found ? finding(found) : { __proto__: null, program: compiled.script, failure: compiled.failure };
}

/** Installs the dialect's globals for one request. */
function install(request) {
  results = {};
  define('results', results);
  define('input', request.input ?? null);
}

/* `this` is the global object in strict code too. */
const run = (script) => apply(script.runInThisContext(), realm, []);

const untouched = (value) => value === results && ownKeys(value).length === 0;

/** The fields of `done` for a body that returned: `value`, and `returned` when both were given; or a failure. */
function finish(returned, limits) {
  const value = current('results', results);
  let idle;
  try { idle = untouched(value); } catch { idle = false; }
  const first = encode(idle && returned !== undefined ? returned : value, limits);
  if (first.failure !== undefined) return '"failure":' + first.failure;
  if (idle || returned === undefined) return '"value":' + first.json;
  const second = encode(returned, limits);
  return second.failure !== undefined ? '"failure":' + second.failure : '"value":' + first.json + ',"returned":' + second.json;
}

const SAMPLES = [
  'const x = 5 + 3; results.sum = x; console.log("Sum:", x); return { a: [1, "two", null], b: { c: x } }',
  'let t = 0; for (const [k, v] of Object.entries({ a: 1, b: 2 })) t += v; console.log({ t }, [t]); await new Promise((done) => setTimeout(done, 1)); return `${t}`',
  'try { null.x } catch (e) { console.error(e) } class A { #p = 1; get p() { return this.#p } } return new A().p',
  'await null; return input',
  'return (',
].map((source) => ({ language: 'javascript', source, check: true }));
if (hasTypeScript) SAMPLES.push({ language: 'typescript', source: 'const a: number = 1; return a', check: true });

module.exports = { name: 'code-nodes', boot, prepare, install, run, finish, outlives: false, SAMPLES, warm: checker.warm };
