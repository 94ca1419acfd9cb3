// expect: memory_limit
// a growable SharedArrayBuffer, filled after every step
const b = new SharedArrayBuffer(8, { maxByteLength: 2 ** 32 }); for (let i = 1; ; i++) { b.grow(i << 22); new Uint8Array(b).fill(1); }
