'use strict';
/* Web platform globals of our own: where Node's would lead back to Node, or would break once Node is hidden. */
const { apply, defineProperty, freeze, getOwnPropertyDescriptor, read, TypeError } = require('./intrinsics');
const { internalBinding } = require('internal/test/binding');
const timers = require('./timers');
const { cut } = require('./text');

const { DOMException, AbortController, AbortSignal } = globalThis;
const transfer = ArrayBuffer.prototype.transfer;

/* Node's own structuredClone can be made to `require` any builtin by a forged `[messaging_clone_symbol]`; V8's serialiser
 * alone is enough here. Not v8.serialize: that one gives clones of typed arrays a view on the whole serialised text. The hooks
 * are own fields, so that none of the user's is found on Object.prototype. */
const cloneError = (message) => new DOMException(message, 'DataCloneError');
const { Serializer, Deserializer } = internalBinding('serdes');   // what `v8` exports; loading that module costs 6 ms
class Writer extends Serializer {
  _getDataCloneError = cloneError;
  _writeHostObject = () => { throw cloneError('This object cannot be cloned here'); };
  _getSharedArrayBufferId = () => { throw cloneError('A SharedArrayBuffer cannot be cloned here'); };
}
const { writeHeader, writeValue, releaseBuffer } = Serializer.prototype, { readHeader, readValue } = Deserializer.prototype;
function clone(value) {
  const writer = new Writer();
  apply(writeHeader, writer, []);
  apply(writeValue, writer, [value]);
  const reader = new Deserializer(apply(releaseBuffer, writer, []));
  apply(readHeader, reader, []);
  return apply(readValue, reader, []);
}

/** Transferred buffers are copied and detached. An ArrayBuffer is all that can be transferred; `transfer` must be an array. */
function structuredClone(value, options) {
  if (arguments.length === 0) throw new TypeError('structuredClone needs 1 argument');
  const list = options === undefined || options === null ? undefined : options.transfer, copy = clone(value);
  if (list !== undefined) {
    for (let i = 0; i < list.length; i++) {
      try { apply(transfer, list[i], []); } catch { throw cloneError('Only an ArrayBuffer can be transferred here'); }
    }
  }
  return copy;
}

/* Node's mark and measure clone their `detail` natively (the same hole), and its timeOrigin is the process's, not the run's. */
const clock = performance.now.bind(performance), date = Date.now, round = Math.round;
let origin = clock(), originWall = date();
const ownPerformance = {
  now() { return round((clock() - origin) * 1000) / 1000; },
  get timeOrigin() { return originWall; },
  toJSON() { return { timeOrigin: originWall }; },
};
function startClock() { origin = clock(); originWall = date(); }

/* An event's time is of that same clock: Node's tells the age of the process, which for a forked child is its server's. */
function ownTimeStamp() {
  const stamp = getOwnPropertyDescriptor(Event.prototype, 'timeStamp').get;
  const { get } = getOwnPropertyDescriptor({ get timeStamp() { return round((apply(stamp, this, []) - origin) * 1000) / 1000; } }, 'timeStamp');
  defineProperty(Event.prototype, 'timeStamp', { __proto__: null, get });
}

/* Node's AbortSignal.timeout does not keep the loop alive: code that only waits for it would count as stalled. */
const abort = AbortController.prototype.abort, signalOf = getOwnPropertyDescriptor(AbortController.prototype, 'signal').get;
function ownAbortTimeout() {
  const { timeout } = {
    timeout(ms) {
      const controller = new AbortController();
      timers.start(() => apply(abort, controller, [new DOMException('The operation was aborted due to timeout', 'TimeoutError')]), ms, [], false);
      return apply(signalOf, controller, []);
    },
  };
  defineProperty(AbortSignal, 'timeout', { __proto__: null, value: timeout, writable: true, configurable: true, enumerable: true });
}

/* A forged clone text `module:Class` must not reach `require`: Node's own list is cut down to the one class that needs it. */
function sealDeserializer() {
  const known = { __proto__: null };
  try { known['internal/worker/clone_dom_exception:DOMException'] = require('internal/worker/clone_dom_exception').DOMException; } catch { /* before Node 20 it clones by itself */ }
  internalBinding('messaging').setDeserializerCreateObjectFunction((spec) => {
    const Class = known[spec];
    if (Class === undefined) throw new DOMException('This object cannot be cloned here', 'DataCloneError');
    return new Class();
  });
}

const globals = {
  ...timers.globals,
  structuredClone,
  performance: ownPerformance,
  navigator: freeze({ userAgent: 'sandboxd' }),
};

/** reportError prints what console.error prints, with the stack where there is one. */
function makeReportError({ error: print }) {
  return function reportError(error) {
    const stack = read(error, 'stack');
    print(typeof stack === 'string' && stack !== '' ? cut(stack, 16384) : error);
  };
}

module.exports = { globals, makeReportError, sealDeserializer, ownAbortTimeout, ownTimeStamp, startClock };
