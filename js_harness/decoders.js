'use strict';
/* Content codings as undici wants them, as streams, but decoded on the main thread when all has come.
 *
 * Bodies arrive whole, so nothing is won by zlib's own streams, which work on threads: those that a child would have to start
 * first, and that a profile may forbid. What a bomb grows to is the execution's own memory. */
const { Buffer: { concat } } = require('buffer');           // loaded late: the global may be hidden by then
const zlib = require('zlib');
const { Transform } = require('stream');
const { nextTick } = require('process');
const { then, resolved } = require('./intrinsics');

class Whole extends Transform {
  #decode; #parts = [];
  constructor(decode) { super(); this.#decode = decode; }
  _transform(chunk, encoding, done) {
    this.#parts[this.#parts.length] = chunk;
    then(resolved(), () => { nextTick(done); });           // once undici has begun to read, or it would not hear of a failure
  }
  _flush(done) {
    let whole;
    try { whole = this.#decode(concat(this.#parts)); } catch (e) { done(e); return; }
    done(null, whole);
  }
}
const decoder = (decode) => (options) => new Whole((bytes) => decode(bytes, { ...options, chunkSize: 65536 }));

module.exports = {
  __proto__: zlib,
  createGunzip: decoder(zlib.gunzipSync),
  createInflate: decoder(zlib.inflateSync),
  createInflateRaw: decoder(zlib.inflateRawSync),
  createBrotliDecompress: decoder(zlib.brotliDecompressSync),
  ...zlib.zstdDecompressSync && { createZstdDecompress: decoder(zlib.zstdDecompressSync) },
};
