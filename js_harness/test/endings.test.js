'use strict';
const assert = require('node:assert');
const { describe, test } = require('node:test');
const { join } = require('node:path');
const { run, exchange, GLOBALS, LIMITS, DATA_BYTES } = require('./support.js');

const ESCAPED = { entry: join(__dirname, 'realm', 'oracle_entry.js'), globals: [...GLOBALS, 'process'] };   // as if the code had found `process`

/* claim, source, kind of failure (undefined: a value), options */
const ENDINGS = [
  ['a promise that can never settle is stalled', 'await new Promise(() => {})', 'stalled'],
  ['a thenable that never calls back is stalled', 'return { then() {} }', 'stalled'],
  ['a promise that waits for a cleared timer is stalled', 'await new Promise((done) => { clearTimeout(setTimeout(done, 5)) })', 'stalled'],
  ['code that returns nothing succeeds', '1 + 1', undefined],
  ['empty code succeeds', '', undefined],
  ['a pending timer is cut when the body returns', 'setTimeout(() => { throw 1 }, 10); return 1', undefined],
  ['an endless interval is cut when the body returns', 'setInterval(() => {}, 1); return 1', undefined],
  ['an error thrown by the body is an error', 'throw new Error("x")', 'error'],
  ['a rejected returned promise is an error', 'return Promise.reject(new Error("x"))', 'error'],
  ['an error in a timer is uncaught', 'setTimeout(() => { throw new Error("x") }, 1); await new Promise(() => {})', 'uncaught'],
  ['an error in an interval is uncaught', 'setInterval(() => { throw new Error("x") }, 1); await new Promise(() => {})', 'uncaught'],
  ['an error in queueMicrotask is uncaught', 'queueMicrotask(() => { throw new Error("x") }); await new Promise(() => {})', 'uncaught'],
  ['an error in an event listener is uncaught', 'const t = new EventTarget(); t.addEventListener("x", () => { throw 1 }); t.dispatchEvent(new Event("x")); await new Promise((d) => setTimeout(d, 20))', 'uncaught'],
  ['a rejection that nobody handles is told as such', 'Promise.reject(new Error("x")); await new Promise((d) => setTimeout(d, 20))', 'unhandled_rejection'],
  ['a rejection that is handled in time is nothing', 'const p = Promise.reject(1); await null; p.catch(() => {}); await new Promise((d) => setTimeout(d, 5)); return 1', undefined],
  ['process.exit ended the process early', 'process.exit(0)', 'ended_early', ESCAPED],
  ['process.exit in a timer ended the process early', 'setTimeout(() => process.exit(3), 1); await new Promise(() => {})', 'ended_early', ESCAPED],
  ['AbortSignal.timeout alone keeps the loop alive', 'await new Promise((done) => AbortSignal.timeout(5).addEventListener("abort", done)); return 1', undefined],
  ['text that does not parse is a syntax failure', 'a b', 'syntax'],
  ['a result without JSON form for its parts is not serialisable', 'return 1n', 'not_serialisable'],
  ['a result above the limit is too large', 'return "x".repeat(2e6)', 'result_too_large'],
];

describe('endings', { concurrency: 3 }, () => {
  for (const [claim, source, kind, options] of ENDINGS) {
    test(claim, async () => {
      const { done, code, signal } = await run(source, options);
      assert.deepStrictEqual([done?.failure?.kind, code, signal], [kind, 0, null]);
      assert.strictEqual(done.value !== undefined, kind === undefined);
    });
  }

  test('a process that kills itself has no done', async () => {
    const { done, signal } = await run('process.kill(process.pid, "SIGKILL")', ESCAPED);
    assert.deepStrictEqual([done, signal], [undefined, 'SIGKILL']);
  });

  test('logs that came before any end are kept', async () => {
    for (const end of ['await new Promise(() => {})', 'throw 1', 'process.exit()', 'process.kill(process.pid, "SIGKILL")', 'process.abort()']) {
      assert.deepStrictEqual((await run(`console.log('before'); ${end}`, ESCAPED)).logs, ['before'], end);
    }
  });

  test('logs are sent at once: an endless loop has printed what came before it', async () => {
    const { logs, timedOut } = await run('console.log("before"); for (;;);', { ms: 700 });
    assert.deepStrictEqual([logs, timedOut], [['before'], true]);
  });

  test('an unknown dialect is refused by name', async () => {
    const { done } = await exchange({ type: 'run', source: '1', language: 'javascript', dialect: 'no-such', check: false, limits: LIMITS, input: null, data_bytes: DATA_BYTES, capabilities: {} });
    assert.deepStrictEqual([done.failure.kind, done.failure.message], ['unsupported', 'This worker has no dialect no-such']);
  });

  test('a channel that ends before a request ends the worker quietly', async () => {
    const { messages, code, stderr } = await exchange(null);
    assert.deepStrictEqual([messages.map((m) => m.type), code, stderr], [['ready'], 0, '']);
  });

  test('a request without a memory limit is refused before anything of it is used', async () => {
    for (const data_bytes of [undefined, null, 0, -1, 'much', []]) {
      for (const more of [{ type: 'run', dialect: 'code-nodes', check: false, limits: LIMITS, input: null }, { type: 'check' }, { type: 'canary', attempts: [] }]) {
        const { messages, code } = await exchange({ source: 'console.log(1)', language: 'javascript', ...more, data_bytes });
        assert.deepStrictEqual([messages.map((m) => m.type), code], [['ready'], 1]);
      }
    }
  });

  test('the memory limit holds from the first byte of the request on', async () => {
    const { done, signal } = await exchange({ type: 'run', source: 'return new Uint8Array(64 << 20).length', language: 'javascript', dialect: 'code-nodes', check: false, limits: LIMITS, input: null, data_bytes: 1, capabilities: {} });
    assert.ok(done === undefined ? signal !== null : done.failure.message.includes('allocation failed'), JSON.stringify({ done, signal }));
  });

  test('a check answers without running anything', async () => {
    const check = (source) => exchange({ type: 'check', source, language: 'javascript', data_bytes: DATA_BYTES });
    const good = await check('console.log(1); results.a = 1');
    assert.deepStrictEqual([good.logs, good.done], [[], { type: 'done', value: null }]);
    assert.strictEqual((await check('process.exit()')).done.failure.kind, 'finding');
    assert.strictEqual((await check('let a = ;')).done.failure.kind, 'syntax');
  });
});
