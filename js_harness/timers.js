'use strict';
/* Timers that hand out plain numbers: Node's Timeout objects lead to its internals. */
const { apply, mapGet, mapSet, mapDelete, TypeError } = require('./intrinsics');
const { setTimeout: once, setInterval: often, clearTimeout: clear } = require('timers');

const running = new Map();
let last = 0;

function start(callback, delay, args, repeat) {
  if (typeof callback !== 'function') throw new TypeError('The callback must be a function');
  const id = ++last;
  const fire = () => { if (!repeat) mapDelete(running, id); apply(callback, undefined, args); };
  mapSet(running, id, repeat ? often(fire, +delay) : once(fire, +delay));
  return id;
}

function stop(id) {
  const timer = mapGet(running, typeof id === 'string' ? +id : id);
  if (timer !== undefined) { mapDelete(running, typeof id === 'string' ? +id : id); clear(timer); }
}

module.exports = {
  start,
  /** As if there had been none yet. */
  forget() { last = 0; },
  globals: {
    setTimeout(callback, delay, ...args) { return start(callback, delay, args, false); },
    setInterval(callback, delay, ...args) { return start(callback, delay, args, true); },
    clearTimeout(id) { stop(id); },
    clearInterval(id) { stop(id); },
  },
};
