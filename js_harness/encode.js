'use strict';
/* A result on its way out: JSON by the language's own rules, within its size and depth. */
const { stringify, String, getPrototypeOf, rangeErrorPrototype, read } = require('./intrinsics');
const { fits, replaceLoneEscapes, depth } = require('./text');
const { describe, failure } = require('./errors');

/** Exactly one of `json` (a text) and `failure` (the JSON of one); a value without JSON form, like a function, is null. */
function encode(value, limits) {
  let json;
  try { json = stringify(value); } catch (e) {
    return tooLong(e) ? tooLarge() : { __proto__: null, failure: describe(e, 'not_serialisable') };
  }
  if (typeof json !== 'string') json = 'null';
  if (!fits(json, limits.result_bytes)) return tooLarge();
  if (json.length > 2 * limits.depth && depth(json, limits.depth + 1) > limits.depth) {
    return { __proto__: null, failure: failure('not_serialisable', 'RangeError', 'The result is nested deeper than ' + String(limits.depth) + ' levels') };
  }
  return { __proto__: null, json: replaceLoneEscapes(json) };
}

/* V8's own error for a text longer than any string: a result above every limit, not one that has no JSON form. */
const tooLong = (e) => typeof e === 'object' && e !== null && getPrototypeOf(e) === rangeErrorPrototype && read(e, 'message') === 'Invalid string length';

const tooLarge = () => ({ __proto__: null, failure: failure('result_too_large', 'RangeError', 'The result is too large') });

module.exports = { encode };
