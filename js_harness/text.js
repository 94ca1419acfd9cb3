'use strict';
/* Text on its way out: well-formed, and not longer than its limit in bytes of UTF-8. */
const { stringify, slice, byteLength, toWellFormed, encodeUtf8, decodeUtf8, subarray, indexOf, charCodeAt } = require('./intrinsics');

/** Lone surrogates become U+FFFD: they have no UTF-8 form and the daemon refuses their escapes. */
const wellFormed = toWellFormed ?? ((text) => decodeUtf8(encodeUtf8(text)));

/** A JSON string of a primitive string. */
const quote = (text) => stringify(wellFormed(text));

/** The text, or its first `units` UTF-16 code units and an ellipsis. */
const cut = (text, units) => (text.length > units ? slice(text, 0, units) + '…' : text);

/** Whether the text has at most `bytes` bytes of UTF-8. A unit of it has one to three, so most texts need not be counted. */
const fits = (text, bytes) => text.length <= bytes && (3 * text.length <= bytes || byteLength(text) <= bytes);

/** The longest prefix of the text that has at most `bytes` bytes of UTF-8 and ends with a whole character. */
function cutBytes(text, bytes) {
  const head = wellFormed(text.length > bytes ? slice(text, 0, bytes) : text);   // a unit has at least one byte
  if (fits(head, bytes)) return head;
  const utf8 = encodeUtf8(head);
  let end = bytes;
  while (end > 0 && (utf8[end] & 0xc0) === 0x80) end--;
  return decodeUtf8(subarray(utf8, 0, end));
}

/** 'high' or 'low' when a `\uXXXX` escape of a surrogate stands at i, else ''. */
function surrogateEscape(json, i) {
  if (charCodeAt(json, i) !== 0x5c || charCodeAt(json, i + 1) !== 0x75 || (charCodeAt(json, i + 2) | 0x20) !== 0x64) return '';
  const second = charCodeAt(json, i + 3) | 0x20;           // digits have that bit already
  return second === 0x38 || second === 0x39 || second === 0x61 || second === 0x62 ? 'high' : second >= 0x63 && second <= 0x66 ? 'low' : '';
}

/** JSON text in which escapes of lone surrogates are U+FFFD. JSON.stringify writes no others, JSON.rawJSON may write pairs. */
function replaceLoneEscapes(json) {
  if (indexOf(json, '\\ud') < 0 && indexOf(json, '\\uD') < 0) return json;
  let out = '', from = 0;
  for (let i = 0; i < json.length; i++) {
    if (charCodeAt(json, i) !== 0x5c) continue;
    const half = surrogateEscape(json, i);
    if (half === 'high' && surrogateEscape(json, i + 6) === 'low') i += 11;
    else if (half !== '') {
      out += slice(json, from, i) + '\ufffd';
      i += 5;
      from = i + 1;
    } else i++;                                            // what follows a backslash starts no escape of its own
  }
  return out + slice(json, from);
}

/* Whether `mark` stands in the text at least `times` times. */
function hasMany(text, mark, times) {
  let at = -1;
  while (times-- > 0) if ((at = indexOf(text, mark, at + 1)) < 0) return false;
  return true;
}

/**
 * The deepest nesting of a JSON text, counted up to `stop`; 0 for one that has too few brackets to get there, which is told
 * without a look at each character: that takes a cold engine 2 ms for 50 KB.
 */
function depth(json, stop) {
  const half = stop >> 1;
  if (!hasMany(json, '[', half) && !hasMany(json, '{', half)) return 0;
  const utf8 = encodeUtf8(json);
  let level = 0, deepest = 0, quoted = false;
  for (let i = 0; i < utf8.length; i++) {
    const c = utf8[i];
    if (quoted) { if (c === 0x5c) i++; else if (c === 0x22) quoted = false; }
    else if (c === 0x22) quoted = true;
    else if (c === 0x7b || c === 0x5b) { if (++level > deepest && (deepest = level) >= stop) return deepest; }
    else if (c === 0x7d || c === 0x5d) level--;
  }
  return deepest;
}

module.exports = { wellFormed, quote, cut, fits, cutBytes, replaceLoneEscapes, depth };
