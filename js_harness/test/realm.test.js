'use strict';
const assert = require('node:assert');
const { describe, test } = require('node:test');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { gzipSync } = require('node:zlib');
const { run, GLOBALS, bodyOf } = require('./support.js');

const CRAWL = readFileSync(join(__dirname, 'realm', 'crawl.js'), 'utf8');
const GRANT = { capabilities: { fetch: { base_url: 'http://a/', request_bytes: 1000 } }, answer: () => ({ value: { status: 200, status_text: 'OK', headers: [['Content-Encoding', 'gzip']], body: gzipSync('{}').toString('base64') } }) };
/* As a module it also starts from what a module alone can name. */
const AS = {
  'code-nodes': (body) => body,
  executions: (body) => `globalThis.meta = import.meta; globalThis.refusal = await import('fs').catch((error) => error);\nexport default await (async () => {\n${body}\n})()`,
};
const crawl = (traps, dialect) => run(AS[dialect](`const TRAPS = ${traps};\n${CRAWL}`), { dialect, codegen: dialect === 'executions', entry: join(__dirname, 'realm', 'oracle_entry.js'), globals: [...GLOBALS, 'oracle'], ...GRANT });

/* Open by design: a setter on Object.prototype catches the zlib stream inside of a compression stream, whose prototypes lead to
 * `stream` and `events` (path C), and async resources (path D); the deserialiser is that of our own structuredClone. None of
 * these leads on to `process`, to a module that does I/O, or to `require`: those are what the crawl would find too. */
const OPEN = /^(?:stream|zlib|events|async_hooks\.AsyncResource|v8\.Deserializer)\b/;

describe('realm', { concurrency: 3 }, () => {
  for (const dialect of Object.keys(AS)) {
    test(`no Node module object, process or require is reachable from the global object or a live instance: ${dialect}`, async (t) => {
      const { done } = await crawl(false, dialect);
      t.diagnostic(`${done.value?.objects} objects`);
      assert.deepStrictEqual(done.value?.hits, {}, JSON.stringify(done.failure));
      assert.ok(done.value.objects > 1600, 'the crawl reached too little');
    });

    test(`with traps on every name that Node uses only the known streams and async resources are caught: ${dialect}`, async (t) => {
      const { done } = await crawl(true, dialect);
      t.diagnostic(`${done.value?.objects} objects, ${done.value?.captured} caught in traps`);
      assert.deepStrictEqual(Object.keys(done.value?.hits ?? { none: 1 }).filter((name) => !OPEN.test(name)), [], JSON.stringify(done.failure));
      assert.ok(done.value.captured > 1000, 'the traps caught too little');
    });
  }

  test('the crawl finds what is there: process, when it is granted by mistake', async () => {
    const { done } = await run(`const TRAPS = false;\n${CRAWL}`, { entry: join(__dirname, 'realm', 'oracle_entry.js'), globals: [...GLOBALS, 'oracle', 'process'] });
    assert.strictEqual(done.value?.hits.process, 'globalThis.process', JSON.stringify(done.failure));
  });

  const pathA = bodyOf(async () => {
    const [symbol, reader] = ['messaging_clone_symbol', 'messaging_deserialize_symbol'].map((name) => Object.getOwnPropertySymbols(DOMException.prototype).find((s) => s.description === name));
    if (symbol === undefined) return 'no symbol';
    Object.prototype[reader] = () => {};
    const caught = [];
    for (const name of ['id', 'path', 'filename', 'loaded', 'children', 'exports']) {
      Object.defineProperty(Object.prototype, name, { configurable: true, set() { caught.push(this); } });
    }
    const forged = () => Object.assign(new DOMException('x'), { [symbol]: () => ({ data: {}, deserializeInfo: 'module:Module' }) });
    const tries = [() => structuredClone(forged()), () => structuredClone({ a: forged() }), () => performance.mark('x', { detail: forged() }), () => performance.measure('x', { detail: forged() }),
      () => new Promise((yes) => { const { port1, port2 } = new MessageChannel(); port2.onmessage = port2.onmessageerror = yes; port1.postMessage(forged()); setTimeout(yes, 100); })];
    for (const attempt of tries) try { await attempt(); } catch { /* refused */ }
    return caught.filter((object) => typeof object.constructor?._load === 'function').length;
  });
  test('path A: a forged clone text does not make Node require a module', async () => {
    assert.strictEqual((await run(pathA, { codegen: true })).done.value, 0);
  });
  test('path A: nor through a MessageChannel, were it granted, for the deserialiser is sealed', async () => {
    assert.strictEqual((await run(pathA, { codegen: true, globals: [...GLOBALS, 'MessageChannel', 'MessagePort'] })).done.value, 0);
  });

  test('path B: no dispatcher of the fetch implementation is on the global object, also when its classes are used', async () => {
    const source = bodyOf(async () => {
      new Request('http://a/'); await new Response('x').text(); await (await fetch('http://a/')).json();
      return Reflect.ownKeys(globalThis).filter((key) => typeof key === 'symbol' && globalThis[key] !== undefined).map(String);
    });
    assert.deepStrictEqual((await run(source, { codegen: true, ...GRANT })).done.value, ['Symbol(Symbol.toStringTag)']);
  });

  test('path C: a patched EventEmitter.prototype.emit is not handed `process`', async () => {
    const source = bodyOf(async () => {
      let stream;
      Object.defineProperty(Object.prototype, '_writeState', { configurable: true, set(value) { stream = this; Object.defineProperty(this, '_writeState', { value, writable: true }); } });
      new CompressionStream('gzip');
      let emitter = stream;
      while (emitter && !Object.hasOwn(emitter, 'emit')) emitter = Object.getPrototypeOf(emitter);
      console.log(stream ? 'stream caught' : 'no stream');   // open by design: harmless by itself
      emitter.emit = function () { console.log(typeof this.exit, typeof this.mainModule); };
      Promise.reject(new Error('late'));
      await new Promise((done) => { setTimeout(done, 50); });
    });
    const { logs, done } = await run(source, { codegen: true });
    assert.deepStrictEqual([logs[0], done.failure?.kind], ['stream caught', 'unhandled_rejection']);
    assert.ok(logs.slice(1).every((text) => text === 'undefined undefined'), logs.join());
  });

  test('path G: import() rejects from every kind of callback', async () => {
    const source = bodyOf(async () => {
      const tries = [() => import('fs'), () => eval('import("fs")'), () => (0, eval)('import("fs")'), () => new Function('return import("fs")')(), () => Promise.resolve('import("fs")').then(eval),
        () => new Promise((yes) => { setTimeout(() => yes(import('node:fs')), 1); }), () => new Promise((yes) => { queueMicrotask(() => yes(eval('import("fs")'))); }), () => ['import("fs")'].map(eval)[0]];
      const got = [];
      for (const attempt of tries) { try { await attempt(); got.push('loaded'); } catch (error) { got.push(error.name); } }
      return got;
    });
    const { value } = (await run(source, { codegen: true })).done;
    assert.ok(value.length === 8 && value.every((name) => name === 'TypeError'), JSON.stringify(value));
  });

  test('path H: CallSites in replaced prepareStackTrace tell no path and hand out no function of ours', async () => {
    const source = bodyOf(async () => {
      const seen = [];
      Error.prepareStackTrace = (_, frames) => { for (const f of frames) seen.push([f.getFileName(), f.getEvalOrigin(), f.getScriptNameOrSourceURL(), String(f), f.getThis() === undefined || f.getThis() === globalThis, typeof f.getFunction()]); return ''; };
      const probe = { toJSON() { void new Error().stack; return 1; }, get x() { void new Error().stack; return 1; }, [Symbol.for('nodejs.util.inspect.custom')]() { void new Error().stack; return ''; } };
      console.log(probe); console.log('%o', probe); structuredClone({ get x() { return probe.x; } }); void new Error().stack;
      await new Promise((done) => { setTimeout(() => { void new Error().stack; done(); }, 1); });
      const target = new EventTarget(); target.addEventListener('x', () => { void new Error().stack; }); target.dispatchEvent(new Event('x'));
      await new Response(new ReadableStream({ pull(c) { void new Error().stack; c.close(); } })).text();
      eval('void new Error().stack');
      results.seen = seen; results.probe = probe;
    });
    const { value, failure } = (await run(source, { codegen: true })).done;
    assert.strictEqual(failure, undefined);
    assert.ok(value.seen.length > 20);
    for (const [file, origin, shown, text] of value.seen) assert.doesNotMatch([file, origin, shown, text].join(' '), /(?:^|[ (])(?:file:\/\/)?\//);
    for (const [file, , , , , kind] of value.seen) if (String(file).startsWith('sandboxd:')) assert.strictEqual(kind, 'undefined');
  });

  test('path I: caller and arguments of a function give nothing of the harness', async () => {
    const source = 'function f() { return [f.caller, f.arguments.callee.caller] }\nlet go; const end = new Promise((x) => { go = x }); setTimeout(() => { results.a = f().map((x) => String(x).includes("mark of mine")); go() }, 1); await end';
    assert.deepStrictEqual((await run(source)).done.value, { a: [true, true] });
  });

  test('the body is a function that does not tell who called it', async () => {
    for (const first of ['', 'await null;']) {
      const source = first + 'let seen; try { seen = String(arguments.callee.caller) } catch (e) { seen = e.name }; return [arguments.length, seen]';
      assert.deepStrictEqual((await run(source)).done.value, [0, 'TypeError']);
    }
  });

  test('a boot that fails says why on stderr and sends nothing', async () => {
    const { messages, stderr, code } = await run('1', { entry: join(__dirname, 'realm', 'broken_entry.js') });
    assert.deepStrictEqual([messages, code !== 0], [[], true]);
    assert.match(stderr, /broken on purpose/);
  });
});
