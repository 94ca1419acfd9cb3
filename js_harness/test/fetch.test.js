'use strict';
/* fetch in a worker whose daemon is this test: what it asks is on the wire, and what code does to the realm is not.
 * What fetch makes of HTTP is held against Node's own in tests/integration/test_fetch_oracle.py. */
const assert = require('node:assert');
const { describe, test } = require('node:test');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { gzipSync, deflateSync, brotliCompressSync } = require('node:zlib');
const { run, NODE18 } = require('./support.js');

const REPLACE = readFileSync(join(__dirname, 'hostile', 'replace_builtins.js'), 'utf8');
const capabilities = { fetch: { base_url: 'http://base/', request_bytes: 1000 } };
const reply = (fields) => ({ value: { status: 200, status_text: 'OK', headers: [], body: null, ...fields } });
const base64 = (text) => Buffer.from(text).toString('base64');
const calls = ({ messages }) => messages.filter(({ type }) => type === 'host_call');
const fetched = (source, answer = () => reply({ body: base64('hi') }), options = {}) => run(source, { capabilities, answer, ...options });

/* claim, what the code does before it fetches */
const TAMPERED = [
  ['JSON', 'JSON.stringify = JSON.parse = () => ({ forged: 1 })'],
  ['Promise', 'const { then } = Promise.prototype; Promise.prototype.then = function (...args) { return Reflect.apply(then, this, args) }; Promise.resolve = () => { throw 1 }'],
  ['the names of a result', 'for (const name of ["error", "id", "rule", "message"]) Object.defineProperty(Object.prototype, name, { __proto__: null, get() { return { name: "Forged" } }, set() {}, configurable: true })'],
  ['the names of a call', 'for (const name of ["capability", "args", "size", "answered"]) Object.defineProperty(Object.prototype, name, { __proto__: null, get() { return "forged" }, set() {}, configurable: true })'],
  ['Map', 'Map.prototype.get = Map.prototype.set = Map.prototype.delete = () => "forged"'],
  ['Reflect', 'Reflect.apply = Reflect.ownKeys = Reflect.getPrototypeOf = () => "forged"'],
  ['Buffer', 'Buffer.from = Buffer.concat = Buffer.byteLength = () => "forged"'],
  ['timers', 'setTimeout = setImmediate = queueMicrotask = () => {}'],
  ['the global names', 'Promise = Object = Array = Error = Uint8Array = URL = Headers = Request = Response = undefined'],
];

/* The same, where undici itself stumbles: code spoils its own fetch, and no more. */
const SPOILT = [
  ['Function', 'Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => "forged"'],
  ['String', 'String.prototype.toWellFormed = String.prototype.slice = String.prototype.startsWith = () => "\\"\\n"'],
  ['every method there is', REPLACE],
];

describe('fetch', { concurrency: 3 }, () => {
  for (const [what, source] of TAMPERED) {
    test(`${what} replaced: the call says what was asked, the answer arrives`, async () => {
      const seen = await fetched(`${source}; const response = await fetch("/x", { method: "POST", body: "b" }); return response.status`, () => reply({ status: 203 }));
      assert.strictEqual(seen.done?.value, 203, JSON.stringify(seen.done));
      const [{ capability, method, args, id }, ...others] = calls(seen);
      assert.deepStrictEqual([capability, method, id, args.url, args.method, args.body, others.length], ['fetch', 'request', 1, 'http://base/x', 'POST', base64('b'), 0]);
    });
  }

  for (const [what, source] of SPOILT) {
    test(`${what} replaced: frames are whole and the end arrives`, async () => {
      const seen = await fetched(`${source}\nlet end = 0; try { await fetch("http://a/") } catch { end = 1 } return end`);
      assert.strictEqual(seen.rest, 0);
      assert.ok([0, 1].includes(seen.done?.value), JSON.stringify(seen.done));
      assert.ok(calls(seen).length <= 1);
    });
  }

  test('an answer to a call that nobody made is nobody\'s', async () => {
    const seen = await fetched('return (await fetch("/")).status', ({ id }) => ({ ...reply({}), id: id + 1 }), { ms: 1500 });
    assert.deepStrictEqual([seen.timedOut, calls(seen).length], [true, 1]);
  });

  test('a refusal without words is one too', async () => {
    const source = 'try { await fetch("/") } catch (e) { return [e.name, e.message, e.cause.rule] }';
    assert.deepStrictEqual((await fetched(source, () => ({ error: { name: '', message: '', rule: '' } }))).done.value, ['TypeError', 'fetch failed', '']);
  });

  test('codings are undone without a thread', async () => {
    const source = 'return Promise.all(["gzip", "deflate", "br"].map(async (path) => (await fetch(path)).text()))';
    const squeeze = { '/gzip': gzipSync, '/deflate': deflateSync, '/br': brotliCompressSync };
    const answer = ({ args: { url } }) => { const { pathname } = new URL(url); return reply({ headers: [['Content-Encoding', pathname.slice(1)]], body: squeeze[pathname](Buffer.from(pathname)).toString('base64') }); };
    assert.deepStrictEqual((await fetched(source, answer, { threads: false })).done.value, Object.keys(squeeze));
  });

  test('headers are Latin-1 both ways', async () => {
    const seen = await fetched('return (await fetch("/", { headers: { a: "\\xe9" } })).headers.get("b")', () => reply({ headers: [['B', '\xff']] }));
    assert.deepStrictEqual([seen.done.value, calls(seen)[0].args.headers.find(([name]) => name === 'a')], ['\xff', ['a', '\xe9']]);
  });

  test('a name that is computed still fetches', async () => {
    assert.strictEqual((await fetched('const name = "fet" + "ch"; return (await this[name]("http://a/")).text()')).done.value, 'hi');
  });

  test('code that does not fetch says nothing and loads nothing', async () => {
    const [idle, bare] = [await run('return 1', { capabilities }), await run('return 1')];
    assert.deepStrictEqual([idle.messages.length, idle.done.value], [bare.messages.length, 1]);
  });

  test('the daemon\'s end is the worker\'s', async () => {
    const seen = await fetched('await fetch("/"); return 1', () => { throw new Error('the test has gone'); }).catch((error) => error);
    assert.match(seen.message, /has gone/);
  });

  test('on Node 18 too', { skip: !NODE18 && 'no Node 18' }, async () => {
    const source = 'const r = await fetch("/x", { method: "POST", body: "b" }); return [r.status, await r.text(), await fetch("/y", { signal: AbortSignal.abort() }).catch((e) => e.name)]';
    const squeezed = () => reply({ headers: [['Content-Encoding', 'gzip']], body: gzipSync('hi').toString('base64') });
    assert.deepStrictEqual((await fetched(source, squeezed, { node: NODE18 })).done.value, [200, 'hi', 'AbortError']);
  });
});
