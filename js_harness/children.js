'use strict';
/* What a fork server does for its children before they are, and what each does first: be warm, and be nobody's twin. */
const { internalBinding } = require('internal/test/binding');
const checker = require('./check');
const { compileBody, stripTypes, hasTypeScript } = require('./compile');
const { makeConsole } = require('./console');
const { describe } = require('./errors');
const { encode } = require('./encode');

const { setFlagsFromString } = internalBinding('v8');
const { random } = Math;
const { runMicrotasks } = internalBinding('task_queue');

const LIMITS = Object.freeze({ __proto__: null, output_bytes: 1 << 20, result_bytes: 1 << 20, depth: 256 });
const ROUNDS = 5;
const SAMPLES = [
  'const x = 5 + 3; results.sum = x; console.log("Sum:", x); return { a: [1, "two", null], b: { c: x } }',
  'let t = 0; for (const [k, v] of Object.entries({ a: 1, b: 2 })) t += v; console.log({ t }, [t]); await null; return `${t}`',
  'try { null.x } catch (e) { console.error(e) } class A { #p = 1; get p() { return this.#p } } return new A().p',
  'await new Promise((resolve) => setTimeout(resolve, 0)); return input',
];

/** Runs what every request runs on throw-away input, so that it is compiled and touched once. Math.random must not be called. */
function warmUp() {
  const console = makeConsole(() => {}, () => LIMITS.output_bytes);
  globalThis.results = {};
  globalThis.input = null;
  const own = globalThis.console;
  globalThis.console = console;
  for (let round = 0; round < ROUNDS; round++) {
    for (const source of SAMPLES) {
      checker.check(source, false);
      const { script } = compileBody(source);
      script.runInThisContext()().then((value) => encode(value, LIMITS), () => {});
      runMicrotasks();
    }
    compileBody('return (');
    describe(new TypeError('warm'), 'error');
  }
  checker.warm?.();
  if (hasTypeScript) stripTypes('const a: number = 1; return a');
  globalThis.console = own;
  delete globalThis.results;
  delete globalThis.input;
}

/* V8 takes 32 bits as a seed, and a seed that comes twice is a birthday away: so each child also begins somewhere else in its
 * stream. Not zero, which means the random numbers that the server has drawn, the same in every child. */
const SKIP = 255;
function reseed(entropy) {
  setFlagsFromString('--random-seed=' + String(entropy() >> 0 || 1));
  for (let skip = entropy() & SKIP; skip > 0; skip--) random();
}

module.exports = { warmUp, reseed };
