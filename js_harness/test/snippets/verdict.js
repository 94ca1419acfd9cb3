'use strict';

const vm = require('node:vm');

const AsyncFunction = (async () => {}).constructor;

/** V8's verdict as the worker forms it: the wrapped script and the bare body must both compile. */
function refused(source) {
  const text = source.replace(/^#!/, '//');
  try {
    new vm.Script(`(async () => {\n${text}\n})`);
    new AsyncFunction(text);
    return false;
  } catch {
    return true;
  }
}

/** A small seeded random source (mulberry32), so that a failing case can be repeated. */
function random(seed) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(next() * n);
  return { below, pick: (list) => list[below(list.length)] };
}

module.exports = { random, refused };
