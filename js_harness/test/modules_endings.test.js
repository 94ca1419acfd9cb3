'use strict';
const assert = require('node:assert');
const { describe, test } = require('node:test');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { run, GLOBALS } = require('./support.js');

const REPLACE = readFileSync(join(__dirname, 'hostile', 'replace_builtins.js'), 'utf8');
const ESCAPED = { entry: join(__dirname, 'realm', 'oracle_entry.js'), globals: [...GLOBALS, 'process'] };   // as if the code had found `process`
const program = (source, options) => run(source, { dialect: 'executions', language: 'auto', codegen: true, ...options });
const outcome = ({ done }) => (done?.failure ? [done.failure.kind, done.failure.name, done.failure.message] : done?.value);

/* claim, source, what it prints, value or kind of failure, options */
const ENDINGS = [
  ['timers run to their end after the top level', 'setTimeout(() => { console.log(1); setTimeout(() => console.log(2), 2) }, 2); "x"', ['1', '2'], 'x'],
  ['an interval runs until it is cleared', 'let n = 0; const id = setInterval(() => { console.log(++n); if (n === 3) clearInterval(id) }, 1); 5', ['1', '2', '3'], 5],
  ['promises that timers settle are waited for', 'new Promise((done) => setTimeout(done, 3)).then(() => console.log("then")); 1', ['then'], 1],
  ['the result is what it is at the end', 'const a = { n: 0 }; setTimeout(() => { a.n = 1 }, 2); a', [], { n: 1 }],
  ['a promise that nothing can settle, beside the top level, keeps nobody waiting', 'new Promise(() => {}).then(() => console.log("never")); 2', [], 2],
  ['a top-level await that can never settle is stalled', 'console.log("before"); await new Promise(() => {})', ['before'], 'stalled'],
  ['a default export that can never settle is stalled', 'export default new Promise(() => {})', [], 'stalled'],
  ['it is stalled only when the timers have run', 'setTimeout(() => console.log("timer"), 3); await new Promise(() => {})', ['timer'], 'stalled'],
  ['an error of the top level ends it at once', 'setTimeout(() => console.log("late"), 50); throw new Error("x")', [], 'error'],
  ['a rejected default export is an error', 'export default Promise.reject(new Error("x"))', [], 'error'],
  ['an error in a timer after the top level is uncaught', 'setTimeout(() => { throw new Error("x") }, 2); 1', [], 'uncaught'],
  ['an error in a microtask is uncaught', 'queueMicrotask(() => { throw new Error("x") }); 1', [], 'uncaught'],
  ['a rejection that nobody handles is told as such', 'Promise.reject(new Error("x")); 1', [], 'unhandled_rejection'],
  ['one that comes after the top level too', 'setTimeout(async () => { throw new Error("x") }, 2); 1', [], 'unhandled_rejection'],
  ['a rejection that is handled in time is nothing', 'const p = Promise.reject(1); await null; p.catch(() => {}); setTimeout(() => {}, 2); 1', [], 1],
  ['a result without JSON form for its parts is not serialisable', 'export default 1n', [], 'not_serialisable'],
  ['a result that throws when it is written is not serialisable', '({ get a() { throw new Error("x") } })', [], 'not_serialisable'],
  ['a result above the limit is too large', '"x".repeat(2e6)', [], 'result_too_large'],
  ['code that comes to be when the result is written does not run', '({ toJSON() { setTimeout(() => console.log("late"), 0); return 3 } })', [], 3],
  ['process.exit ended the process early', 'process.exit(0)', [], 'ended_early', ESCAPED],
  ['process.exit after the top level too', 'setTimeout(() => process.exit(0), 2); 1', [], 'ended_early', ESCAPED],
];

/* claim, source behind one that replaces all built-ins, logs, outcome */
const REPLACED = [
  ['a value arrives', 'export default { a: [1, "é"], b: null }', [], { a: [1, 'é'], b: null }],
  ['the last expression statement arrives', '({ a: 1 })', [], { a: 1 }],
  ['a value that comes after an await arrives', 'await null; 3', [], 3],
  ['a value from a timer arrives', 'let go; later(() => { log("timer"); go(4) }, 2); export default { then(f) { go = f } }', ['timer'], 4],
  ['timers run to their end', 'later(() => { log("timer") }, 2); 5', ['timer'], 5],
  ['an error that is thrown arrives, with its place', 'null.x', [], ['error', 'TypeError', "Cannot read properties of null (reading 'x')"]],
  ['a thrown primitive arrives', 'throw 7', [], ['error', 'Error', '7']],
  ['an error in a timer arrives', 'later(() => { throw { name: "N", message: "m" } }, 2); 1', [], ['uncaught', 'N', 'm']],
  ['an await that nothing settles is told', 'await { then() {} }', [], ['stalled', 'Error', 'The code is waiting for something that can no longer happen']],
];

/* claim, source, outcome */
const TAMPERED = [
  ['Promise.prototype.then replaced', 'Promise.prototype.then = () => { throw 1 }; await null; 1', 1],
  ['Promise.prototype.constructor throws', 'Object.defineProperty(Promise.prototype, "constructor", { get() { throw 1 } }); 2', 2],
  ['Object.prototype.then lies', 'Object.prototype.then = function (yes) { delete Object.prototype.then; yes(3) }; ({})', 3],
  ['Object.prototype.default and .value', 'Object.defineProperty(Object.prototype, "default", { get() { return 9 } }); Object.prototype.value = 9; if (1) {}', null],
  ['Object.prototype full of getters', 'for (const k of ["value", "get", "set", "writable", "then", "length", "name", "message", "stack", "line", "column", "width", "failure", "json", "type", "program", "module", "default", "0", "1"]) Object.defineProperty(Object.prototype, k, { __proto__: null, get() { throw 1 }, set() { throw 2 }, configurable: true }); await null; 4', 4],
  ['Array.prototype[0] has a setter', 'Object.defineProperty(Array.prototype, "0", { set() { throw 1 } }); let a; null.x', ['error', 'TypeError', "Cannot read properties of null (reading 'x')"]],
  ['everything on globalThis deleted', 'const realm = globalThis; const { deleteProperty } = Reflect; for (const key of Reflect.ownKeys(realm)) deleteProperty(realm, key); 5', 5],
  ['prepareStackTrace throws', 'Error.prepareStackTrace = () => { throw 1 }; await import("fs")', ['error', 'TypeError', "Cannot import 'fs': modules are off"]],
  ['prepareStackTrace collects', 'let seen = []; Error.prepareStackTrace = (e, frames) => { for (const f of frames) seen.push(typeof f.getFunction(), typeof f.getThis()); return "" }; try { await import("fs") } catch (e) { e.stack } export default seen.every((x) => x === "undefined")', true],
  ['import.meta with a setter on Object.prototype', 'Object.defineProperty(Object.prototype, "url", { set() { throw 1 } }); typeof import.meta.url', 'undefined'],
];

describe('modules: endings', { concurrency: 3 }, () => {
  for (const [claim, source, logs, expected, options] of ENDINGS) {
    test(claim, async () => {
      const got = await program(source, options);
      assert.deepStrictEqual([got.logs, got.done.failure?.kind ?? got.done.value, got.code, got.signal], [logs, expected, 0, null]);
    });
  }
  test('an endless interval ends with the clock, and what it printed is there', async () => {
    const { logs, done, timedOut } = await program('setInterval(() => {}, 1); console.log("before"); 1', { ms: 1500 });
    assert.deepStrictEqual([logs, done, timedOut], [['before'], undefined, true]);
  });
  test('a call to the daemon keeps the program alive', async () => {
    const answer = () => ({ value: { status: 200, status_text: 'OK', headers: [], body: 'eA==' } });
    const { logs, done } = await program('fetch("http://a/").then((r) => r.text()).then((text) => console.log(text)); 1', { capabilities: { fetch: { base_url: null, request_bytes: 1000 } }, answer });
    assert.deepStrictEqual([logs, done.value], [['x'], 1]);
  });
});

describe('modules: hostile', { concurrency: 3 }, () => {
  for (const [claim, source, logs, expected] of REPLACED) {
    test(`with all built-ins replaced ${claim}`, async () => {
      const got = await program(`${REPLACE}\nif (replaced < 468) throw 'too few: ' + replaced;\n${source}`);
      assert.deepStrictEqual([got.logs, outcome(got)], [logs, expected]);
    });
  }
  for (const [claim, source, expected] of TAMPERED) {
    test(`survives: ${claim}`, async () => {
      const got = await program(source);
      assert.deepStrictEqual([outcome(got), got.code, got.stderr], [expected, 0, '']);
    });
  }
});
