'use strict';
/* Random programs that build hostile values and log, return, throw or keep them; the same seed gives the same program. */

/** A generator of integers below n (mulberry32). */
function random(seed) {
  let a = seed >>> 0;
  return (n) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

const LEAVES = ['1', '-0', 'NaN', '10n', 'null', 'undefined', 'true', '""', '"é😀\\u2028"', '"\\ud800"', '"\\0\\x1b[2J"', '"x".repeat(3000)', 'Symbol("s")', 'Symbol.iterator', 'new Date(0)', 'new Date(NaN)', 'new Error("m")', 'new RangeError("\\udfff")',
  'new Uint8Array(9)', 'new Float64Array(200)', 'new ArrayBuffer(8)', 'new DataView(new ArrayBuffer(2))', '/x/g', '() => 1', 'class A { static #p = 1 }', 'async function* f() {}', 'new WeakMap()', 'Promise.resolve(1)', 'globalThis', 'console', 'results', 'Object.prototype',
  'new Array(1e6)', 'JSON.rawJSON("1e999")', 'new URL("http://a/b")', 'new DOMException("m", "AbortError")', 'new AbortController()', 'new Blob(["x"])', 'new Headers({ a: "b" })', 'Object.create(null)', 'new Proxy({}, {})', '"%s%o%j%%"', '"\\"}]\\\\"', 'new WebAssembly.Memory({ initial: 1 })',
  'new Intl.NumberFormat()', 'Buffer.from("é")', 'new Map([[NaN, new Set([-0])]])', '{ __proto__: null, toString: 1 }', 'JSON.parse(\'{"__proto__":{"x":1}}\')', 'new AggregateError([new Error("i")], "m")'];
const NODES = ['[V, V]', '{ a: V, "b-c": V }', '{ get a() { return V } }', '{ get a() { throw V } }', '{ toJSON() { return V } }', '{ toJSON() { throw V } }', '{ toString() { return V } }', '{ valueOf() { throw V } }', '{ [Symbol.toPrimitive]() { return V } }',
  '{ [Symbol.for("nodejs.util.inspect.custom")]() { return V } }', '{ [Symbol.for("nodejs.util.inspect.custom")]() { throw V } }', '{ [Symbol.toStringTag]: V }', '{ then(f) { f(V) } }', '{ then() { throw V } }', '{ get then() { throw V } }', '{ name: V, message: V, stack: V }',
  '{ get message() { throw V } }', 'new Map([[V, V]])', 'new Set([V])', 'new Error("m", { cause: V })', 'Object.assign(new Error("m"), { name: V })', 'Object.assign(new Error("m"), { message: V, stack: V })', 'Object.assign([V], { x: V })', 'loop({ v: V })', 'loop([V])', 'deep(V, 400)',
  'quiet(() => Object.setPrototypeOf({ a: V }, Object(V)))', 'quiet(() => Object.create(Object(V)))', 'quiet(() => new Proxy(Object(V), {}))', 'quiet(() => new Proxy(Object(V), { get() { throw V } }))', 'quiet(() => new Proxy(Object(V), { get(t, k) { return V }, ownKeys() { return ["a", "b"] }, has: () => true }))',
  'quiet(() => new Proxy(Object(V), { ownKeys() { throw V }, getPrototypeOf() { throw V }, getOwnPropertyDescriptor() { throw V } }))', 'quiet(() => { const r = Proxy.revocable(Object(V), {}); r.revoke(); return r.proxy })', 'quiet(() => structuredClone(V))', 'quiet(() => Object.freeze(V))',
  'quiet(() => Object.defineProperty(Object(V), "length", { value: 5 }))', 'quiet(() => Object.defineProperty(class {}, "name", { get() { throw V } }))', 'quiet(() => Object.defineProperty(/x/, "source", { value: V }))', 'Promise.reject(V).catch(() => V)', 'function () { return V }'];
const ACTIONS = ['console.log(V)', 'console.log(V, V, V)', 'console.log("%s %d %j %o", V, V, V, V)', 'console.error(V)', 'console.dir(V)', 'console.table(V)', 'console.group(V)', 'console.groupEnd()', 'console.assert(false, V)', 'console.count(V)', 'console.trace(V)', 'reportError(V)',
  'results.a = V', 'results[quiet(() => String(V))] = V', 'results = V', 'quiet(() => JSON.stringify(V))', 'quiet(() => `${V}`)', 'await quiet(() => Promise.race([V, 1]))', 'queueMicrotask(() => console.log(V))', 'setTimeout(() => console.log(V), 0)', 'quiet(() => { throw V })',
  'Error.prepareStackTrace = (e, frames) => V', 'Error.prepareStackTrace = (e, frames) => frames.map((f) => [f.getFileName(), f.getEvalOrigin(), String(f)])', 'Error.stackTraceLimit = V', 'Object.prototype.extra = V', 'Object.prototype.toJSON = () => V', 'Array.prototype[3] = V',
  'Object.defineProperty(Object.prototype, "name", { get() { return "lie" }, set() {}, configurable: true })', 'Promise.prototype.then = function () { return V }', 'Array.prototype.includes = () => true', 'String.prototype.slice = () => V', 'JSON.stringify = () => "}"', 'console.log = () => V', 'console.log({ e: new Error("nested") })'];
const ENDS = ['return V', 'return V', 'return V', 'return [V, V]', 'throw V', 'throw V', 'return Promise.reject(V)', 'return new Promise(() => {})', 'return { then(yes, no) { no(V) } }', 'setTimeout(() => { throw V }, 1); return new Promise(() => {})', 'Promise.reject(V); await new Promise((d) => setTimeout(d, 5)); return V',
  'results.z = V; return V', 'null.x', 'let w = V; return w.x.y.z', 'return quiet(() => structuredClone(V))', 'queueMicrotask(() => { throw V }); await new Promise((d) => setTimeout(d, 5))'];
const HEAD = `const quiet = (f) => { try { return f() } catch (e) { return e } };
const loop = (o) => { o.self = o; return o };
const deep = (v, n) => { for (let i = 0; i < n; i++) v = i % 2 ? [v] : { v }; return v };
`;

/** The program of one seed. */
function program(seed) {
  const next = random(seed), pick = (list) => list[next(list.length)];
  const value = (depth) => `(${depth === 0 || next(3) === 0 ? pick(LEAVES) : pick(NODES).replace(/\bV\b/g, () => value(depth - 1))})`;
  const fill = (text) => text.replace(/\bV\b/g, () => value(1 + next(3)));
  const lines = Array.from({ length: next(6) }, () => fill(pick(ACTIONS)) + ';');
  return HEAD + lines.join('\n') + '\n' + fill(pick(ENDS));
}

module.exports = { program };
