'use strict';
/* fetch and its classes from Node's own implementation, compiled with globals of its own: the shared copy looks up `Buffer` and
 * others on globalThis, where they are hidden or may be replaced by the user's. It reaches the network through one object alone,
 * which is ours (fetch.js). */
const { defineProperty, exec } = require('./intrinsics');
const vm = require('vm');
const { internalBinding } = require('internal/test/binding');
const { URL } = require('url');

const realm = globalThis, { keys } = Object, { Set } = globalThis;
const NAMES = ['Headers', 'Request', 'Response', 'FormData', 'MessageEvent'];
const DISPATCHER = [1, 2].map((version) => Symbol.for(`undici.globalDispatcher.${version}`));
const clock = performance.now.bind(performance);

/* Only what costs nothing: reading the others, or just their descriptors, makes Node load them (its own undici: 50 ms). */
const { process, queueMicrotask, Event, EventTarget, WeakRef, FinalizationRegistry, Buffer, AbortController, AbortSignal, DOMException } = globalThis;
const early = { __proto__: null, Buffer, process, queueMicrotask, AbortController, AbortSignal, WeakRef, FinalizationRegistry, Event, EventTarget, DOMException };
for (const name of ['Object', 'Array', 'Promise', 'Map', 'Set', 'WeakMap', 'Symbol', 'String', 'Number', 'Date', 'Math', 'JSON', 'Reflect', 'Proxy', 'Error', 'TypeError', 'RangeError', 'Uint8Array', 'ArrayBuffer', 'DataView']) {
  early[name] = globalThis[name];
}

/* URLs are relative to that of the grant. Not by undici's own notion of it, which would send it along as Origin and Referer. */
let base;
function BaseURL(url, from = base) { return new URL(url, from); }
BaseURL.prototype = URL.prototype;
const setBase = (url) => { base = url ?? undefined; };

function source() {
  const bindings = ['builtins', 'native_module'];          // where Node keeps its own sources: since 20, and before
  for (const name of bindings) try { const { natives } = internalBinding(name); if (natives) return natives['internal/deps/undici/undici']; } catch { /* the next one */ }
  return internalBinding('natives')['internal/deps/undici/undici'];
}

function compile(dispatcher) {
  const { Blob, File } = require('buffer'), { URLSearchParams } = require('url'), { TextDecoder, TextEncoder } = require('util'), { MessagePort } = require('worker_threads');
  const { ReadableStream, TransformStream, WritableStream } = require('stream/web');
  const own = { __proto__: null, ...early, ...require('timers'), Blob, File, URL: BaseURL, URLSearchParams, TextDecoder, TextEncoder, MessagePort, ReadableStream, TransformStream, WritableStream };
  delete own.promises;
  own.performance = { __proto__: null, now: clock, markResourceTiming() { /* nobody observes */ } };
  own.global = own.globalThis = own;
  for (const key of DISPATCHER) own[key] = dispatcher;     // where undici looks for its own, and makes none if there is one
  const names = keys(own), values = [], module = { exports: {} };
  for (const name of names) values.push(own[name]);
  const zlib = require('./decoders'), requireOurs = (name) => (name === 'zlib' || name === 'node:zlib' ? zlib : require(name));
  vm.compileFunction(source(), ['exports', 'require', 'module', ...names], { filename: 'node:web' })(module.exports, requireOurs, module, ...values);
  return module.exports;
}
let compiled;
const classes = (dispatcher) => compiled ??= compile(dispatcher);

const NEEDS_CLASSES = /\b(?:Headers|Request|Response|FormData|MessageEvent|globalThis)\b/, NEEDS_FETCH = /\bfetch\b/;

/* What Node loads at the first read of the name. */
const LAZY = /\b(?:\w*Stream\w*|\w*QueuingStrategy|crypto|Crypto|CryptoKey|SubtleCrypto|URLPattern|Blob|File)\b/g;

/**
 * Installs the fetch classes, and makes Node load its other lazy globals, as far as the source can name them. Loading takes up
 * to 60 ms of CPU, too much for a one-shot worker whose code does not use them; and it should happen before the user's first
 * statement, not at the first use in a realm that may have been tampered with. A computed name is what this look misses: the
 * fetch classes are then absent, the others load late. `null` for the source means all.
 */
function provide(source, allowed, { dispatcher, granted }) {
  for (const name of source === null ? allowed : new Set(source.match(LAZY))) if (allowed.has(name)) void realm[name];
  if (source !== null && exec(NEEDS_CLASSES, source) === null && !(granted && exec(NEEDS_FETCH, source) !== null)) return;
  const found = classes(dispatcher);
  for (const name of NAMES) {
    if (allowed.has(name) && found[name]) defineProperty(realm, name, { __proto__: null, value: found[name], writable: true, configurable: true, enumerable: false });
  }
}

module.exports = { NAMES, classes, provide, setBase };
