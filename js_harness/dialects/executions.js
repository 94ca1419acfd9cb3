'use strict';
/* Executions: the text is an ES module, in JavaScript or TypeScript; the result is its default export, else the value of its last
 * expression statement. The program runs until nothing is left to do. */
const { encode } = require('../encode');
const { failure, setInsertions } = require('../errors');
const { compileModule, compileText, evaluate, exportsOf, importOf, refused, turnOff } = require('../modules');

function prepare({ language, source }) {
  setInsertions([]);                                         // a fork server's samples had some
  const compiled = compileModule(language, source);
  if (compiled.failure !== undefined) return compiled;
  const { module, text } = compiled, wanted = importOf(module);
  if (wanted !== undefined) return { __proto__: null, failure: failure('error', 'TypeError', refused('import', wanted).message, require('../completion').importLine(text)) };
  const valued = 'default' in exportsOf(module) ? null : require('../completion').withValue(text);
  if (valued === null) return { __proto__: null, program: module };
  const { module: program } = compileText(valued.text, valued.before);
  if (program === undefined) return { __proto__: null, program: module };   // V8 has the last word
  importOf(program);
  setInsertions(valued.insertions);
  return { __proto__: null, program };
}

/* In a box, for nothing may ask the value for a `then` once more. */
async function run(module) {
  await evaluate(module);
  return { __proto__: null, value: await exportsOf(module).default };
}

/** The fields of `done` for a program that has come to its end. */
function finish({ value }, limits) {
  const { json, failure: problem } = encode(value, limits);
  return problem === undefined ? '"value":' + json : '"failure":' + problem;
}

/* Of more rounds acorn has so much feedback that writing it costs each child more than it gains: 2.8 ms of CPU instead of 2.2
 * for `1 + 1`, and 5.0 instead of 3.4 for a line of TypeScript. */
const ROUNDS = 3;
const SAMPLES = [
  'const x = 5 + 3; console.log("Sum:", x);\n({ a: [1, "two", null], b: { c: x } });',
  'let t = 0; for (const [k, v] of Object.entries({ a: 1, b: 2 })) t += v; console.log({ t }, [t]); await new Promise((done) => setTimeout(done, 1)); export default `${t}`',
  'try { null.x } catch (e) { console.error(e) } class A { #p = 1; get p() { return this.#p } } await main(); async function main() { return new A().p }',
  'interface A { a: number }\nexport const a: A = { a: 1 }; function f<T>(x: T): T { return x }; f(a)',
  'import a from "a"', 'let a = (',
].map((source) => ({ language: 'auto', source, check: false }));

module.exports = { name: 'executions', boot: turnOff, prepare, install() {}, run, finish, outlives: true, ROUNDS, SAMPLES };
