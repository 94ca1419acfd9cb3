'use strict';
/* Code nodes: the text is the body of an async function; the result is the global `results`, else what was returned. */
const { define, current } = require('../realm');
const { ownKeys } = require('../intrinsics');
const { encode } = require('../encode');

let results;

/** Installs the dialect's globals for one request. */
function install(request) {
  results = {};
  define('results', results);
  define('input', request.input ?? null);
}

const untouched = (value) => value === results && ownKeys(value).length === 0;

/** The fields of `done` for a body that returned: `value`, and `returned` when both were given; or a failure. */
function finish(returned, limits) {
  const value = current('results', results);
  let idle;
  try { idle = untouched(value); } catch { idle = false; }
  const first = encode(idle && returned !== undefined ? returned : value, limits);
  if (first.failure !== undefined) return '"failure":' + first.failure;
  if (idle || returned === undefined) return '"value":' + first.json;
  const second = encode(returned, limits);
  return second.failure !== undefined ? '"failure":' + second.failure : '"value":' + first.json + ',"returned":' + second.json;
}

module.exports = { install, finish };
