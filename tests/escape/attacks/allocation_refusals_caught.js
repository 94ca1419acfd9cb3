// expect: timeout,memory_limit
// every refused allocation is caught, and what it left over is used up in ever smaller pieces
const keep = []; let size = 1 << 26; for (;;) { try { const b = new Uint8Array(size); b.fill(1); keep.push(b); } catch { size = size > 64 ? size >> 1 : 64; keep.push([keep.length]); } }
