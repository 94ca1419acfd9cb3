'use strict';
/* What every attack that starts escaped has in hand, besides `require`, the native module and `target`: what there is outside
 * to be reached (a folder and a file that anybody may write, listeners, pids). An attack returns 'contained', or throws. */
const fs = require('fs');
const { internalBinding } = require('internal/test/binding');
const escaped = (what) => { throw new Error(`ESCAPED: ${what}`); };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** It has to be refused, with one of these codes; anything else is an escape, or an attack that does not attack. */
const refused = async (what, attempt, ...codes) => {
  let gave;
  try { gave = await attempt(); } catch (e) {
    if ((codes.length ? codes : ['EPERM']).includes(e.code)) return;
    throw new Error(`${what}: ${e.code ?? 'no code'}, ${e.message}`);
  }
  escaped(`${what} gave ${typeof gave === 'object' ? 'an object' : String(gave)}`);
};

/** The same for what answers with a negative errno instead of throwing. */
const refusedByNumber = (what, number) => {
  if (number === -1) return;
  if (number >= 0) escaped(`${what} gave ${number}`);
  throw new Error(`${what}: errno ${-number}`);
};

/** The first of these events of an emitter; its `error` is thrown. */
const event = (emitter, ...names) => new Promise((resolve, reject) => {
  emitter.on('error', reject);
  for (const name of names) emitter.on(name, () => resolve(name));
});

/** Bytes to the daemon, as they are. */
const raw = (...parts) => {
  for (let at = 0, all = Buffer.concat(parts); at < all.length;)
    try { at += fs.writeSync(3, all, at); } catch (e) { if (e.code !== 'EAGAIN') throw e; }
};
const header = (size) => { const bytes = Buffer.alloc(4); bytes.writeUInt32BE(size); return bytes; };
const frame = (body) => { const bytes = Buffer.from(body); return Buffer.concat([header(bytes.length), bytes]); };
const forever = () => { for (;;); };
