'use strict';
/* What the harness uses of the language once user code has run: captured here, before there is any.
 *
 * Rules for code that runs after the user's first statement: call only what stands here (no method calls, no for-of, no
 * spread, no array destructuring; and of the language's own methods none that asks its arguments for a symbol, as `split` and
 * `replace` do even for strings), never hand an object literal to `stringify` (a patched Object.prototype.toJSON would see
 * it; primitive strings are safe), give option bags a null prototype, and expect every property read of a user's value to throw.
 */
const { apply, set, ownKeys, defineProperty, deleteProperty, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;

/** uncurry(Array.prototype.join)(list, ',') is list.join(',') whatever becomes of the prototype or of Function.prototype.call. */
const uncurry = (method) => (self, ...args) => apply(method, self, args);

const S = String.prototype;

module.exports = Object.freeze({
  __proto__: null,
  apply, set, ownKeys, defineProperty, deleteProperty, getOwnPropertyDescriptor, getPrototypeOf, uncurry,
  freeze: Object.freeze,
  isArray: Array.isArray,
  stringify: JSON.stringify,
  parse: JSON.parse,
  resolved: Promise.resolve.bind(Promise),
  then: uncurry(Promise.prototype.then),
  String, Error, TypeError, Promise,
  rangeErrorPrototype: RangeError.prototype,
  slice: uncurry(S.slice),
  startsWith: uncurry(S.startsWith),
  indexOf: uncurry(S.indexOf),
  charCodeAt: uncurry(S.charCodeAt),
  toWellFormed: S.toWellFormed && uncurry(S.toWellFormed),
  exec: uncurry(RegExp.prototype.exec),
  mapGet: uncurry(Map.prototype.get),
  mapSet: uncurry(Map.prototype.set),
  mapDelete: uncurry(Map.prototype.delete),
  weakGet: uncurry(WeakMap.prototype.get),
  weakSet: uncurry(WeakMap.prototype.set),
  byteLength: Buffer.byteLength,
  encodeUtf8: ((encoder, encode) => (text) => encode(encoder, text))(new TextEncoder(), uncurry(TextEncoder.prototype.encode)),
  decodeUtf8: ((decoder, decode) => (bytes) => decode(decoder, bytes))(new TextDecoder('utf-8', { ignoreBOM: true }), uncurry(TextDecoder.prototype.decode)),
  subarray: uncurry(Uint8Array.prototype.subarray),

  /** Reads a property of a value that may be hostile: undefined when the read throws. */
  read(value, key) { try { return value[key]; } catch { return undefined; } },
});
