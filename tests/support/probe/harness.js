'use strict';
/* A worker for tests of the jail: its "user code" starts where an escape would end, in Node's main realm with `require`,
 * `process` and the native module. `early` code runs before the second filter is on, when only the other walls stand.
 *
 * All modules are loaded, then comes `early`, then the last filter, `ready`, one request, its source run with `require` and
 * `native` in reach, `done` with what it returned or `{threw}`, and the end. With `children` this is a fork server: `early` is
 * its own, and each child goes behind its walls before it takes the request. An exec worker without walls has no filter. */
const { compileFunction } = require('vm');

const CHANNEL = 3, config = JSON.parse(process.argv[2]), addon = { exports: {} };
process.dlopen(addon, `${__dirname}/forkserver.node`);
const native = addon.exports, send = (message) => native.writeFrame(CHANNEL, JSON.stringify(message));
const run = (source) => compileFunction(`return (async () => {${source}\n})()`, ['require', 'native'])(require, native);
const code = (f) => { try { f(); return 'done'; } catch (e) { return e.code ?? String(e); } };
const ready = () => send({ type: 'ready', node: process.versions.node, typescript: false });
const install = (filter) => native.installFilter(Buffer.from(filter, 'base64'));
globalThis.code = code;

function becomeChild({ filter, limits }) {
  native.takeStock(CHANNEL);
  install(config.filter);
  ready();
  native.serve(CHANNEL);
  for (const [which, soft, hard] of limits) native.setLimit(which, soft, hard);
  if (config.domain) native.restrictFiles(Buffer.from(config.domain, 'base64'));
  install(filter);
}

(async () => {
  for (const name of ['net', 'dgram', 'child_process', 'fs', 'os', 'dns', 'worker_threads', 'inspector']) require(name);
  const early = await run(config.early ?? '');
  if (config.children) becomeChild(config.children);
  else if (config.filter) install(config.filter);
  ready();
  const { source, data_bytes } = JSON.parse(native.readFrame(CHANNEL, 1 << 20));
  native.setLimit(2, data_bytes);
  globalThis.early = early;
  let value;
  try { value = await run(source); } catch (e) { value = { threw: String(e) }; }
  send({ type: 'done', value: value ?? null });
  native.exit(0);
})();
