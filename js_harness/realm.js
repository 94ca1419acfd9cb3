'use strict';
/* The realm user code runs in: Node's own main realm, minus Node.
 *
 * The process is the fence. Hiding is hygiene: it keeps code portable, and keeps a mistake from turning into forged frames.
 * It works by allow-list, so that a newer Node brings nothing in. */
const { apply, set, ownKeys, defineProperty, deleteProperty, getOwnPropertyDescriptor } = require('./intrinsics');
const errors = require('./errors');
const web = require('./web');
const { fetch } = require('./fetch');
const { NAMES: FETCH_CLASSES } = require('./fetch_classes');

const { process } = globalThis;
const realm = globalThis;                                    // `globalThis` is a name like any other: code may assign or delete it
const { toStringTag } = Symbol;
const THREADED = ['SubtleCrypto', 'CryptoKey', 'CompressionStream', 'DecompressionStream'];

const plain = (value) => ({ __proto__: null, value, writable: true, configurable: true, enumerable: false });

function removeThreaded() {
  // with clone denied libuv aborts the process at the first thread of its pool
  if (realm.Crypto) deleteProperty(realm.Crypto.prototype, 'subtle');
  for (const name of THREADED) deleteProperty(realm, name);
}

/**
 * Hides Node and installs ours.
 * `allowed` is the Set of global names that the profile grants, `threads` whether the process may start any.
 */
function hide({ allowed, threads, console }) {
  web.sealDeserializer();
  web.ownAbortTimeout();
  web.ownTimeStamp();
  if (!('crypto' in realm) && allowed.has('crypto')) defineProperty(realm, 'crypto', plain(require('crypto').webcrypto));   // Node 18
  if (realm.Navigator) deleteProperty(realm.Navigator.prototype, 'locks');
  if (!threads) removeThreaded();
  const own = { ...web.globals, fetch, console, reportError: web.makeReportError(console) };

  for (const key of ownKeys(realm)) {
    if (typeof key === 'string' && allowed.has(key) && !FETCH_CLASSES.includes(key)) continue;
    if (!deleteProperty(realm, key)) set(realm, key, undefined);    // undici's dispatcher symbols cannot be deleted, but written
  }
  for (const name of ownKeys(own)) if (allowed.has(name)) defineProperty(realm, name, plain(own[name]));
  defineProperty(realm, toStringTag, { __proto__: null, value: 'global', configurable: true });
  errors.install();

  // Whoever gets hold of EventEmitter.prototype and patches `emit` must not be handed `process`.
  const emit = process.emit;
  defineProperty(process, 'emit', { __proto__: null, value: function (...args) { return apply(emit, process, args); }, writable: false, configurable: false });
}

/** Defines one global of the dialect's: a plain property that the code may read, replace, shadow or delete. */
function define(name, value) {
  defineProperty(realm, name, { __proto__: null, value, writable: true, configurable: true, enumerable: true });
}

/** What a global holds now, without running a getter of the user's; `otherwise` when it is gone or an accessor. */
function current(name, otherwise) {
  const property = getOwnPropertyDescriptor(realm, name);
  return property !== undefined && 'value' in property ? property.value : otherwise;
}

module.exports = { hide, define, current };
