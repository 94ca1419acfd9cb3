// expect: timeout,memory_limit,error
// dictionary arrays, sorted, filled, flattened and copied
const a = []; a[2 ** 32 - 2] = 1; try { a.fill(1, 0, 3e7); } catch {} const b = new Array(2 ** 32 - 1); return [a.sort().length, b.fill(0).length, structuredClone(b).length];
