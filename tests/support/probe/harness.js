'use strict';
/* A worker for tests of the jail: its "user code" starts where an escape would end, in Node's main realm with `require`,
 * `process` and the native module. `early` code runs before the second filter is on, when only the other walls stand.
 *
 * Whoever makes workers in another way keeps this: all modules loaded, then `early`, then the last filter, `ready`, one
 * request, its source run with `require` and `native` in reach, `done` with what it returned or `{threw}`, and the end. */
const { compileFunction } = require('vm');

const config = JSON.parse(process.argv[2]), addon = { exports: {} };
process.dlopen(addon, `${__dirname}/forkserver.node`);
const native = addon.exports, send = (message) => native.writeFrame(3, JSON.stringify(message));
const run = (source) => compileFunction(`return (async () => {${source}\n})()`, ['require', 'native'])(require, native);
const code = (f) => { try { f(); return 'done'; } catch (e) { return e.code ?? String(e); } };
globalThis.code = code;

(async () => {
  for (const name of ['net', 'dgram', 'child_process', 'fs', 'os', 'dns', 'worker_threads', 'inspector']) require(name);
  const early = await run(config.early ?? '');
  if (config.filter !== undefined) native.installFilter(Buffer.from(config.filter, 'base64'));
  send({ type: 'ready', node: process.versions.node, typescript: false });
  const { source, data_bytes } = JSON.parse(native.readFrame(3, 1 << 20));
  native.setLimit(2, data_bytes);
  globalThis.early = early;
  let value;
  try { value = await run(source); } catch (e) { value = { threw: String(e) }; }
  send({ type: 'done', value: value ?? null });
  native.exit(0);
})();
