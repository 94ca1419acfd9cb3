'use strict';
const assert = require('node:assert');
const { describe, test } = require('node:test');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { run, bodyOf } = require('./support.js');

const REPLACE = readFileSync(join(__dirname, 'hostile', 'replace_builtins.js'), 'utf8');
const outcome = ({ done }) => (done?.failure ? [done.failure.kind, done.failure.name, done.failure.message] : done?.value);

/* claim, source after all built-ins were replaced, logs, outcome */
const REPLACED = [
  ['a value arrives', 'return { a: [1, "é"], b: null }', [], { a: [1, 'é'], b: null }],
  ['results arrive beside a value', 'results.a = 1; return 2', [], { a: 1 }],
  ['a value that comes after an await arrives', 'await null; return 3', [], 3],
  ['a value from a timer arrives', 'let go; later(() => { log("timer"); go(4) }, 2); return { then(f) { go = f } }', ['timer'], 4],
  ['console text arrives', 'log("a", 1, null, true, 10n); log([1, "b"]); log("%s is %d%%", "x", 2); console.group("g"); console.error("a\\nb"); console.count()', ['a 1 null true 10n', '1,b', 'x is 2%', 'g', '  a\n  b', '  default: 1'], {}],
  ['an error that is thrown arrives, with its place', 'null.x', [], ['error', 'TypeError', "Cannot read properties of null (reading 'x')"]],
  ['a thrown primitive arrives', 'throw 7', [], ['error', 'Error', '7']],
  ['an error in a timer arrives', 'later(() => { throw { name: "N", message: "m" } }, 2); return { then() {} }', [], ['uncaught', 'N', 'm']],
];

/* claim, source, outcome (a list: kind, name, message) or the value, and perhaps logs */
const THROWN = [
  ['null', 'throw null', ['error', 'Error', 'null']], ['undefined', 'throw undefined', ['error', 'Error', 'undefined']], ['a symbol', 'throw Symbol("s")', ['error', 'Error', 'Symbol(s)']], ['a bigint', 'throw 1n', ['error', 'Error', '1']],
  ['an object without prototype', 'throw Object.create(null)', ['error', 'Error', '[Object: null prototype] {}']],
  ['a proxy that refuses everything', 'const no = () => { throw 1 }; throw new Proxy({}, { get: no, has: no, ownKeys: no, getPrototypeOf: no, getOwnPropertyDescriptor: no })', ['error', 'Error', '{}']],
  ['a revoked proxy', 'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy', ['error', 'Error', '<Revoked Proxy>']],
  ['an object that claims to be ours', 'throw { kind: "stalled", name: "Timeout", message: "Execution timeout (>5000ms)", status: "succeeded" }', ['error', 'Timeout', 'Execution timeout (>5000ms)']],
  ['a name and a message that are no strings', 'throw { name: 5, message: { a: 1 } }', ['error', 'Error', '{ name: 5, message: { a: 1 } }']],
  ['getters that throw', 'class X extends Error { get name() { throw 1 } get message() { throw 2 } get stack() { throw 3 } } throw new X()', 'error'],
  ['getters that differ each time', 'let n = 0; throw { get name() { return n++ ? 5 : "once" }, get message() { return "m" + n++ } }', ['error', 'once', 'm1']],
  ['a function', 'throw function f() {}', 'error'],
  ['a class with a hostile name', 'throw new (class { static get name() { throw 1 } })()', 'error'],
  ['lone surrogates and NULs', 'throw { name: "\\ud800\\0", message: "a\\udc00\\0b", stack: "\\ud800" }', ['error', '\ufffd\0', 'a\ufffd\0b']],
  ['toString that throws', 'throw { toString() { throw 1 } }', 'error'],
  ['a thrown promise', 'throw Promise.resolve(1)', 'error'],
  ['frozen errors', 'throw Object.freeze(new Error("m"))', ['error', 'Error', 'm']],
  ['an error of prepareStackTrace', 'Error.prepareStackTrace = () => { throw 1 }; throw new Error("m")', 'error'],
  ['a stack that is no string', 'Error.prepareStackTrace = () => ({}); throw new Error("m")', ['error', 'Error', 'm']],
  ['prepareStackTrace that is called by hand', 'for (const args of [[], [null], [null, null], [{}, [1]], [{}, { length: 3 }]]) try { Error.prepareStackTrace(...args) } catch {} throw new Error("m")', ['error', 'Error', 'm']],
  ['stackTraceLimit 0', 'Error.stackTraceLimit = 0; throw new Error("m")', ['error', 'Error', 'm']],
  ['endless recursion', 'function f() { f() } f()', ['error', 'RangeError', 'Maximum call stack size exceeded']],
  ['recursion through the console', 'function f() { console.log("x"); f() } try { f() } catch (e) { console.log(e.name) } return 8', 8],
  ['recursion in a getter of the result', 'const o = { get a() { return this.a } }; return o', ['not_serialisable', 'RangeError', 'Maximum call stack size exceeded']],
  ['recursion through structuredClone', 'function f() { structuredClone(1); f() } f()', 'error'],
  ['a thenable whose then throws', 'return { then() { throw new Error("m") } }', ['error', 'Error', 'm']],
  ['a thenable that settles twice', 'return { then(yes, no) { yes(1); yes(2); no(3); throw 4 } }', 1],
  ['Promise.prototype.constructor replaced', 'Object.defineProperty(Promise.prototype, "constructor", { get() { throw 1 } }); return 9', 9],
  ['Promise.prototype.then replaced', 'Promise.prototype.then = () => { throw 1 }; await null; return 10', 10],
  ['Symbol.split and Symbol.replace on Object.prototype', 'Object.prototype[Symbol.split] = Object.prototype[Symbol.replace] = () => { throw 1 }; console.group(); console.log("a\\nb"); throw new Error("m")', ['error', 'Error', 'm']],
  ['Object.prototype full of getters', 'for (const k of ["value", "get", "set", "writable", "then", "length", "name", "message", "stack", "line", "column", "failure", "json", "type", "filename", "depth", "0"]) Object.defineProperty(Object.prototype, k, { __proto__: null, get() { throw 1 }, set() { throw 2 }, configurable: true }); console.log("a", 1); return 11', 11],
  ['an accessor then on Object.prototype', 'Object.defineProperty(Object.prototype, "then", { get() { return undefined } }); return { a: 1 }', { a: 1 }],
  ['globalThis deleted', 'results.a = 1; delete globalThis.globalThis; return 1', { a: 1 }],
  ['globalThis replaced', 'globalThis = { results: 5 }; return 12', 12],
  ['everything on globalThis deleted', 'const log = console.log, realm = globalThis; for (const key of Reflect.ownKeys(realm)) delete realm[key]; log({ a: 1 }); return 13', 13],
  ['the prototype of globalThis replaced', 'Object.setPrototypeOf(Object.getPrototypeOf(globalThis), new Proxy({}, { get() { throw 1 }, has() { return false } })); return 14', 14],
  ['FinalizationRegistry that throws', 'const r = new FinalizationRegistry(() => { throw 1 }); for (let i = 0; i < 1e5; i++) r.register({}, i); await new Promise((d) => setTimeout(d, 20)); return 15', undefined],
  ['input replaced', 'input = 1; delete globalThis.input; return typeof input', 'undefined'],
];

/* What cannot be shown, or hardly: logged, the code goes on, and the output stays within its limit. */
const LOGGED = [
  'new Proxy({}, new Proxy({}, { get() { throw 1 } }))', '(() => { let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); return p })()', '(() => { let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy({}, p); return p })()',
  '(() => { let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a })()', '(() => { let a = {}; for (let i = 0; i < 1e5; i++) a = { a }; return a })()', 'new (class { static get name() { throw 1 } })()', 'Object.defineProperty(class {}, "name", { get() { throw 1 } })',
  'Object.defineProperty(/x/, "source", { get() { throw 1 } })', 'Object.assign(new Error("m"), { name: Symbol("s") })', 'Object.defineProperty(new Error("m"), "stack", { get() { throw 1 } })', '({ [Symbol.toStringTag]: Symbol("x") })',
  'Object.defineProperty({}, Symbol.toStringTag, { get() { throw 1 } })', 'Object.defineProperty({}, "constructor", { get() { throw 1 } })', '({ [Symbol.for("nodejs.util.inspect.custom")]() { throw 1 } })', '({ [Symbol.for("nodejs.util.inspect.custom")]() { return this } })',
  'new Array(4e9)', 'Object.assign(new Array(1e6), { 5: {}, 999999: { a: 1 } })', 'Array.from({ length: 1e6 }, (_, i) => i)', 'Array.from({ length: 1e5 }, () => ({}))', '"x".repeat(1e8)', '["x".repeat(1e7), {}]', 'Object.fromEntries(Array.from({ length: 1e5 }, (_, i) => ["k" + i, 1]))',
  'new Map(Array.from({ length: 1e5 }, (_, i) => [i, i]))', 'new Uint8Array(1e7)', 'Object.create(new Proxy({}, { getPrototypeOf() { throw 1 }, get() { throw 1 } }))', 'new Date(NaN)', 'Object.setPrototypeOf([], null)', 'Object.setPrototypeOf(() => {}, null)', 'Object.setPrototypeOf(new Error("m"), null)',
  '"%s", { toString() { throw 1 } }', '"%d", { valueOf() { throw 1 } }', '"%j", { toJSON() { throw 1 } }', '"%O", new Proxy({}, new Proxy({}, { get() { throw 1 } }))', '"\\ud800%s", "\\udc00"', 'Object.defineProperty([], "length", { value: 4294967295, writable: true })', 'class { static [Symbol.hasInstance]() { throw 1 } }',
];

describe('hostile', { concurrency: 3 }, () => {
  for (const [claim, source, logs, expected] of REPLACED) {
    test(`with all built-ins replaced ${claim}`, async (t) => {
      const result = await run(`${REPLACE}\nif (replaced < 468) throw 'too few: ' + replaced;\n${source}`);
      assert.deepStrictEqual([result.logs, outcome(result)], [logs, expected]);
      if (claim === REPLACED[0][0]) t.diagnostic(`${(await run(`${REPLACE}\nreturn replaced`)).done.value} built-ins replaced`);
    });
  }

  for (const [claim, source, expected] of THROWN) {
    test(`survives ${claim}`, async () => {
      const result = await run(source);
      const got = outcome(result);
      if (claim.startsWith('Finalization')) assert.ok(got === 15 || got[0] === 'uncaught');   // whether anything is collected is V8's affair
      else if (typeof expected === 'string' && Array.isArray(got)) assert.strictEqual(got[0], expected);
      else assert.deepStrictEqual(got, expected);
      assert.deepStrictEqual([result.code, result.signal, result.stderr], [0, null, '']);
    });
  }

  for (const text of LOGGED) {
    test(`logging ${text.slice(0, 80)} leaves one bounded entry`, async () => {
      const { logs, done } = await run(`console.log(${text}); return 1`, { limits: { output_bytes: 4096 } });
      assert.deepStrictEqual([done.failure, done.value, logs.length], [undefined, 1, 1]);
      assert.ok(Buffer.byteLength(logs[0]) <= 4096);
    });
  }

  test('texts of a failure are cut: they stay within what the daemon takes', async () => {
    const { failure } = (await run('throw { name: "N".repeat(1e6), message: "\\ud800\\0".repeat(1e6), stack: "é".repeat(1e6) }')).done;
    for (const text of [failure.name, failure.message, failure.stack]) assert.ok([...text].length <= 16384);
  });
  test('a replaced prepareStackTrace sees no absolute file name', async () => {
    const source = bodyOf(async () => {
      const files = new Set();
      Error.prepareStackTrace = (_, frames) => { for (const frame of frames) files.add(String(frame.getFileName())); return ''; };
      const look = () => { void new Error().stack; };
      look(); setTimeout(look, 1); queueMicrotask(look); console.log({ get a() { look(); return 1; }, [Symbol.for('nodejs.util.inspect.custom')]() { look(); return ''; } });
      await new Promise((done) => { setTimeout(done, 10); });
      results = { toJSON() { look(); return [...files]; } };
    });
    const { value } = (await run(source)).done;
    assert.ok(value.includes('user.js') && value.length > 2);
    assert.deepStrictEqual(value.filter((file) => file.startsWith('/') || file.startsWith('file:')), []);
  });
  test('recursion that ends in a full stack loses no `output_full`', async () => {
    const { full, done } = await run('function f() { console.log("x"); f() } for (let i = 0; i < 20; i++) try { f() } catch {} return 1', { limits: { output_bytes: 100 } });
    assert.deepStrictEqual([full, done.value], [1, 1]);
  });
  test('recursion that prints at every depth never kills the worker', async () => {
    const { done, code } = await run('let pad = 0; function f(a, b, c) { try { console.log({ a }, [b], "%s", c) } catch {} f(a, b, c) } for (let i = 0; i < 3; i++) try { f(i, 1, 2) } catch {} return 1', { limits: { output_bytes: 50000 } });
    assert.deepStrictEqual([done?.value, code], [1, 0]);
  });
});
