'use strict';
/* The console: Node's formatting, one log frame a call, an output limit that cuts instead of failing.
 *
 * Every call is written at once with a blocking write: what was printed before an endless loop, a crash or a kill for
 * memory is already with the daemon, and a flood is slowed down by its reader.
 */
const { apply, defineProperty, isArray, indexOf, slice, charCodeAt, byteLength, mapGet, mapSet, mapDelete, read, String } = require('./intrinsics');
const { inspect, formatWithOptions, types } = require('util');
const { quote, cut, cutBytes } = require('./text');

const now = performance.now.bind(performance);
const isNativeError = types.isNativeError;
const BASE = { __proto__: null, depth: 4, maxArrayLength: 100, maxStringLength: 10000, breakLength: Infinity, getters: false, customInspect: true, colors: false };
const NODE_LAYOUT = Object.freeze({ __proto__: null, ...BASE, compact: 3 });
const ONE_LINE = Object.freeze({ __proto__: null, ...BASE, compact: true });
const UNSHOWABLE = '[value that cannot be shown]';
const LEVELS = { __proto__: null, log: 'log', info: 'info', warn: 'warn', error: 'error', debug: 'debug', dir: 'log', dirxml: 'log', table: 'log' };

const isPrimitive = (value) => (typeof value !== 'object' && typeof value !== 'function') || value === null;

/* Node's own look while that fits one line; it breaks lines for deep or long things, and then everything goes on one. */
function inspectLine(value) {
  const text = inspect(value, NODE_LAYOUT);
  return indexOf(text, '\n') < 0 ? text : inspect(value, ONE_LINE);
}

/* An array of primitives as String() shows it, or undefined for any other; stops once the text is longer than `most`. What
 * `isArray` and the reads refuse (revoked and throwing proxies) `inspect` still shows. */
function joined(list, most) {
  let text = '';
  try {
    if (!isArray(list)) return undefined;
    for (let i = 0; i < list.length; i++) {
      const item = list[i];
      if (!isPrimitive(item) || typeof item === 'symbol') return undefined;
      text += (i ? ',' : '') + (item === null || item === undefined ? '' : String(item));
      if (text.length > most) break;
    }
  } catch { return undefined; }
  return text;
}

function errorLine(error) {
  const name = read(error, 'name'), message = read(error, 'message');
  const head = typeof name === 'string' && name !== '' ? name : 'Error';
  return typeof message === 'string' && message !== '' ? head + ': ' + message : head;
}

/** The text of one console argument. Getters, proxies and custom inspectors of the user's run in here and may throw. */
function show(value, most) {
  if (typeof value === 'string') return value;
  try {
    if (isPrimitive(value)) return typeof value === 'bigint' || typeof value === 'symbol' ? inspect(value, ONE_LINE) : String(value);
    if (isNativeError(value)) return errorLine(value);
    return joined(value, most) ?? inspectLine(value);
  } catch { return UNSHOWABLE; }
}

/* How many arguments the specifiers of a format text use up. */
function specifiers(format) {
  let n = 0;
  for (let i = 0; i < format.length - 1; i++) {
    if (charCodeAt(format, i) === 0x25) { i++; if (indexOf('sdifjoOc', format[i]) >= 0) n++; }
  }
  return n;
}

/** One line of text for a console call, by Node's rules for %-formats and by `show` for the rest. */
function format(args, most) {
  let text = '', from = 0;
  if (args.length > 1 && typeof args[0] === 'string' && indexOf(args[0], '%') >= 0) {
    const used = specifiers(args[0]);
    const list = [NODE_LAYOUT];
    for (from = 0; from < args.length && from <= used; from++) {
      defineProperty(list, String(from + 1), { __proto__: null, value: args[from], writable: true, enumerable: true, configurable: true });
    }
    const more = from < args.length;                       // Node collapses `%%` only while arguments are left: stand in for ours
    if (more) defineProperty(list, String(from + 1), { __proto__: null, value: '', writable: true, enumerable: true, configurable: true });
    try {
      text = apply(formatWithOptions, undefined, list);
      if (more) text = slice(text, 0, text.length - 1);
    } catch { text = UNSHOWABLE; }
  }
  for (let i = from; i < args.length; i++) {
    text += (i ? ' ' : '') + show(args[i], most);
    if (text.length > most) break;
  }
  return text;
}

/* The text with every line behind `indent`, as far as about `most` units are wanted. */
function indented(text, indent, most) {
  let out = indent, from = 0;
  for (let at = indexOf(text, '\n'); at >= 0 && out.length <= most; at = indexOf(text, '\n', from)) {
    out += slice(text, from, at + 1) + indent;
    from = at + 1;
  }
  return out + slice(text, from);
}

/** Builds `console`. `send(json)` takes one frame; what goes past `limit()` bytes is dropped, once told by `output_full`. */
function makeConsole(send, limit) {
  let used = 0, full = false, indent = '';                 // used: bytes of all lines and of the newlines that will join them
  const counts = new Map(), timers = new Map();
  const room = () => limit() - used;

  function print(level, text) {
    if (full) return;
    const most = room(), wanted = indent === '' ? text : indented(text, indent, most);
    const line = most > 0 ? cutBytes(wanted, most) : '', over = most < 0 || line.length < wanted.length;
    if (line !== '' || !over) send('{"type":"log","level":' + quote(level) + ',"text":' + quote(line) + '}');
    // A stack that overflows in here leaves a call that was not made, never a count without its line.
    used = over ? limit() + 1 : used + byteLength(line) + 1;
    if (over) { send('{"type":"output_full"}'); full = true; }
  }

  const write = (level, args) => { if (!full) print(level, format(args, room())); };
  const label = (value) => { try { return value === undefined ? 'default' : String(value); } catch { return UNSHOWABLE; } };
  const elapsed = (name) => { const from = mapGet(timers, name); return from === undefined ? undefined : String(((now() - from) * 1000 | 0) / 1000) + 'ms'; };

  const methods = {
    assert(condition, ...args) { if (!condition) { if (args.length === 0) print('error', 'Assertion failed'); else print('error', 'Assertion failed: ' + format(args, room())); } },
    clear() { indent = ''; },
    count(name) { const key = label(name), n = (mapGet(counts, key) ?? 0) + 1; mapSet(counts, key, n); print('log', key + ': ' + String(n)); },
    countReset(name) { mapDelete(counts, label(name)); },
    group(...args) { if (args.length) write('log', args); indent += '  '; },
    groupCollapsed(...args) { if (args.length) write('log', args); indent += '  '; },
    groupEnd() { indent = slice(indent, 2); },
    time(name) { const key = label(name); if (mapGet(timers, key) === undefined) mapSet(timers, key, now()); },
    timeLog(name, ...args) { const key = label(name), ms = elapsed(key); if (ms !== undefined) print('log', key + ': ' + ms + (args.length ? ' ' + format(args, room()) : '')); },
    timeEnd(name) { const key = label(name), ms = elapsed(key); if (ms !== undefined) { print('log', key + ': ' + ms); mapDelete(timers, key); } },
    trace(...args) { write('debug', args.length ? ['Trace: ' + format(args, room())] : ['Trace']); },
  };
  for (const name in LEVELS) methods[name] = { [name](...args) { write(LEVELS[name], name === 'dir' || name === 'table' ? [args[0]] : args); } }[name];
  return methods;
}

module.exports = { makeConsole, format };
