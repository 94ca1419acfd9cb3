'use strict';
/* fetch as the standard says, with the daemon for a network.
 *
 * The standard's part is undici's, Node's own implementation; ours is what it calls a dispatcher: one request in, one response
 * out. So a redirect is followed here and each hop is a host call of its own, which the daemon judges, counts and gives its
 * secrets to as it does any other. If the daemon followed, the last response would have to be made to look like the end of a chain
 * that undici never saw (`url`, `redirected`, the method after a 303, the headers that must not cross origins).
 *
 * Bodies cross whole, both ways. */
const { apply, byteLength, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, isArray, ownKeys, read, slice, startsWith, uncurry, Error, TypeError } = require('./intrinsics');
const { quote } = require('./text');
const { types: { isUint8Array } } = require('util');
const host = require('./host');
const { classes, provide, setBase } = require('./fetch_classes');

const { Buffer } = globalThis, { from, concat } = Buffer, { ceil } = Math;
const base64 = uncurry(Buffer.prototype.base64Slice);
const typeErrorPrototype = TypeError.prototype;
const FAILED = 'fetch failed', CALL_ROOM = 128 << 10;
const DEFAULT_AGENTS = { __proto__: null, node: true, undici: true };

let granted;

/** What this execution was granted: undefined, or { base_url, request_bytes }. */
function grant(capability) {
  granted = capability;
  setBase(capability?.base_url);
  host.allow(capability === undefined ? 0 : 4 * ceil(capability.request_bytes / 3) + CALL_ROOM);   // Capabilities.call_bytes
}

/** Why there is no response: undici makes it the cause of its TypeError, and `fetch` puts the words into that one's message. */
function refusal({ message, rule }) {
  const error = new Error(startsWith(message, FAILED + ': ') ? slice(message, FAILED.length + 2) : message);
  defineProperty(error, 'rule', { __proto__: null, value: rule, writable: true, configurable: true, enumerable: true });
  return error;
}

/* The body comes in pieces from undici, which reads a stream for it. No `for await`: on its way out that would wait until the
 * stream is closed, which undici's never is. */
async function whole(body, most) {
  const parts = [];
  let size = 0;
  for (let piece = await body.next(); !piece.done; piece = await body.next()) {
    const bytes = typeof piece.value === 'string' ? from(piece.value) : piece.value;   // as a socket takes it
    if (!isUint8Array(bytes)) throw new TypeError('a piece of the body is neither bytes nor text');
    size += bytes.byteLength;
    if (size > most) throw refusal({ message: `the body of the request is longer than ${most} bytes`, rule: 'limit.request_bytes' });
    parts[parts.length] = bytes;
  }
  return concat(parts);
}

/* Names and values: Node 18 gives them in turns, later ones as an object. */
function pairs(headers) {
  const keys = isArray(headers) ? headers : ownKeys(headers), step = isArray(headers) ? 2 : 1;
  let json = '';
  for (let i = 0; i < keys.length; i += step) {
    let value = isArray(headers) ? headers[i + 1] : headers[keys[i]];
    if (keys[i] === 'user-agent' && DEFAULT_AGENTS[value]) value = 'sandboxd';   // what navigator.userAgent says
    json += (i > 0 ? ',' : '') + '[' + quote(keys[i]) + ',' + quote(value) + ']';
  }
  return '[' + json + ']';
}

async function describe({ origin, path, method, headers, body }) {
  const bytes = body === null || body === undefined ? null : await whole(body, granted.request_bytes);
  const head = '{"url":' + quote(origin + path) + ',"method":' + quote(method) + ',"headers":' + pairs(headers) + ',"body":';
  if (byteLength(head) > CALL_ROOM - 16) throw refusal({ message: `the URL and the headers are longer than ${CALL_ROOM} bytes`, rule: 'limit.header_bytes' });
  return head + (bytes === null ? 'null' : '"' + base64(bytes, 0, bytes.length) + '"') + '}';
}

/* As a parser of HTTP would call. All at once: to a redirect undici says abort as soon as it has the head, and means a connection. */
function deliver(handler, { status, status_text: statusText, headers, body }) {
  const raw = [];
  for (let i = 0; i < headers.length; i++) {
    raw[2 * i] = from(headers[i][0], 'latin1');
    raw[2 * i + 1] = from(headers[i][1], 'latin1');
  }
  handler.onHeaders(status, raw, () => {}, statusText);
  if (body !== null && body !== '') handler.onData(from(body, 'base64'));
  handler.onComplete([]);
}

async function exchange(options, handler) {
  let over = false, giveUp = () => {};
  const fail = (error) => { if (!over) { over = true; handler.onError(error); } };
  try {
    handler.onConnect((reason) => { giveUp(); fail(reason); });
    if (over) return;
    const args = await describe(options);
    if (over) return;
    giveUp = host.call('fetch', 'request', args, (value, error) => {
      if (over) return;
      if (error !== undefined) { fail(refusal(error)); return; }
      try { deliver(handler, value); over = true; } catch (e) { fail(e); }
    });
  } catch (e) { fail(e); }
}
const dispatcher = { __proto__: null, dispatch(options, handler) { exchange(options, handler); return true; } };

/* undici says "fetch failed" and leaves why to the cause, which a message alone does not show. */
function worded(error) {
  if (typeof error !== 'object' || error === null || getPrototypeOf(error) !== typeErrorPrototype || read(error, 'message') !== FAILED) return error;
  const cause = getOwnPropertyDescriptor(error, 'cause'), why = cause && read(cause.value, 'message');
  return typeof why === 'string' && why !== '' ? new TypeError(FAILED + ': ' + why, { __proto__: null, cause: cause.value }) : error;
}

async function fetch(input, init = undefined) {
  if (granted === undefined) throw new TypeError('fetch failed: this profile grants no fetch capability');
  const { fetch: standard } = classes(dispatcher);
  try { return await apply(standard, undefined, arguments); } catch (e) { throw worded(e); }
}

/** Installs the classes for this source, as far as it can name them; null: for any. */
const provideFor = (source, allowed) => provide(source, allowed, { dispatcher, granted: granted !== undefined });

module.exports = { fetch, grant, provideFor };
