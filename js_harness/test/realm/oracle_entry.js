'use strict';
/* harness.js with an oracle beside it. Before anything is hidden it notes the identity of every builtin module, of what the
 * dangerous ones export, of `process` and of `require`; the crawl, as user code, asks it by the global `oracle` (which the
 * list of globals must then name): the name of a forbidden thing, or undefined. `oracle.names` are property names that Node's
 * own code uses, for the traps. */
const nodeModule = require('module');

/* Modules whose functions are not the web platform's under another name. */
const DANGEROUS = ['fs', 'fs/promises', 'child_process', 'net', 'vm', 'module', 'worker_threads', 'os', 'dgram', 'cluster', 'inspector', 'v8', 'http', 'https', 'tls', 'dns', 'repl', 'async_hooks', 'zlib', 'stream', 'events'];
const known = new Map(), names = new Set();
const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';
const note = (value, name) => { if (isObject(value) && !known.has(value)) known.set(value, name); };

function noteNames(object, depth) {
  if (!isObject(object)) return;
  for (const key of Reflect.ownKeys(object)) {
    if (typeof key === 'string' && !/^\d+$/.test(key)) names.add(key);
    const property = Reflect.getOwnPropertyDescriptor(object, key);
    if (depth > 0 && 'value' in property) noteNames(property.value, depth - 1);
  }
}

const language = new Set([ArrayBuffer.isView]);                                  // what a module shares with the language is no finding
for (const name of ['Object', 'Function', 'Array', 'Promise', 'Error', 'Map', 'Set', 'Symbol', 'String', 'Uint8Array']) {
  language.add(globalThis[name]).add(globalThis[name].prototype);
}
/* The web platform as Node's modules export it again (`buffer.Blob`, `util.TextEncoder`, `url.URL` …). */
const web = new Set(Object.getOwnPropertyNames(globalThis).filter((name) => !['process', 'global', 'globalThis', 'Buffer'].includes(name)).map((name) => globalThis[name]));

note(process, 'process');
note(process.mainModule, 'process.mainModule');
note(require, 'require');
note(module, 'module');
note(Object.getPrototypeOf(process), 'process prototype');
for (const key of Reflect.ownKeys(process)) {
  const { value } = Reflect.getOwnPropertyDescriptor(process, key);
  if (!language.has(value)) note(value, `process.${String(key)}`);
}
for (const name of nodeModule.builtinModules) {
  // --expose-internals lists internal ones too, and not all of them load; `domain`, `repl` and `test` change the process
  if (/^(?:_|internal\/|domain$|repl$|test$)/.test(name)) continue;
  let exported;
  try { exported = require(name); } catch { continue; }
  if (!language.has(exported) && !web.has(exported) && name !== 'console' && name !== 'process') note(exported, name);
  noteNames(exported, 2);
  if (!DANGEROUS.includes(name)) continue;
  for (const key of Reflect.ownKeys(exported)) {
    const { value } = Reflect.getOwnPropertyDescriptor(exported, key);
    if (typeof value !== 'function' || language.has(value) || web.has(value)) continue;
    note(value, `${name}.${String(key)}`);
    if (isObject(value.prototype) && !language.has(value.prototype)) note(value.prototype, `${name}.${String(key)}.prototype`);
  }
}
noteNames(process, 1);

const get = known.get.bind(known);
globalThis.oracle = Object.freeze(Object.assign((value) => get(value), { names: Object.freeze([...names]) }));
require('../../harness.js');
