'use strict';
/* Host calls: what a worker asks the daemon for, which answers by policy.
 *
 * Answers come to a callback and not by a promise: to resolve one with an object is to ask it for a `then`, which code can put
 * on Object.prototype. What the daemon takes at once is kept here (HOST_CALLS_* in sandboxd/protocol/messages.py): more is a
 * breach there, and an honest program with a thousand calls shall only wait. Half of both is for the calls that abort others. */
const { byteLength, getOwnPropertyDescriptor, mapDelete, mapGet, mapSet, parse } = require('./intrinsics');
const { quote } = require('./text');

const CHANNEL = 3;
const RESULT_CAP = 256 << 20;
const AT_ONCE = 128, MOST = 5000;

let native, send, mostBytes = 0;
let lastId = 0, calls = 0, underWay = 0, bytes = 0, asked = 0, begun = 0;
const waiting = new Map(), pending = new Map();

/** Before anything untrusted: how to speak and to hear, of a conversation that begins. */
function attach(module, speak) {
  native = module;
  send = speak;
  lastId = calls = underWay = bytes = asked = begun = 0;
}

/** How many bytes of arguments may be without an answer. */
function allow(most) { mostBytes = most; }

function transmit(capability, method, args) {
  const id = ++lastId;
  send('{"type":"host_call","id":' + id + ',"capability":' + quote(capability) + ',"method":' + quote(method) + ',"args":' + args + '}');
  return id;
}

function expect(id, one) {
  if (underWay++ === 0) native.watch(hear);                  // nothing but an open call keeps the loop alive
  bytes += one.size;
  mapSet(pending, id, one);
}

function advance() {
  for (; begun < asked; begun++) {
    const one = mapGet(waiting, begun);
    if (one === undefined) continue;                         // given up before its turn
    if (underWay > 0 && (underWay >= AT_ONCE || bytes + one.size > mostBytes)) return;
    mapDelete(waiting, begun);
    one.id = transmit(one.capability, one.method, one.args);
    one.args = '';
    expect(one.id, one);
  }
}

/* One frame: the loop calls again if there are more. The daemon's end is ours. */
function hear() {
  const frame = native.readFrame(CHANNEL, RESULT_CAP);
  if (frame === null) native.exit(1);
  const result = parse(frame), one = mapGet(pending, result.id);
  if (one === undefined) return;
  mapDelete(pending, result.id);
  bytes -= one.size;
  if (--underWay === 0) native.watch(null);
  advance();
  const error = getOwnPropertyDescriptor(result, 'error');
  if (error === undefined) one.answered(result.value);
  else one.answered(undefined, error.value);
}

const nobody = () => {};

/** Asks; `args` is JSON text. `answered(value, error)` is called once, with an error { name, message, rule } if it was refused.
 * Returns a function that gives the call up: it is aborted, and nobody is told. */
function call(capability, method, args, answered) {
  if (calls++ >= MOST) {
    answered(undefined, { __proto__: null, name: 'Error', message: 'one execution can make ' + MOST + ' host calls', rule: 'limit.calls' });
    return nobody;
  }
  const place = asked++, one = { __proto__: null, capability, method, args, size: byteLength(args), answered, id: 0 };
  mapSet(waiting, place, one);
  advance();
  return () => {
    one.answered = nobody;
    if (mapDelete(waiting, place)) return;
    if (mapGet(pending, one.id) !== one) return;
    expect(transmit(capability, 'abort', '{"id":' + one.id + '}'), { __proto__: null, size: 0, answered: nobody });
  };
}

module.exports = { attach, allow, call };
