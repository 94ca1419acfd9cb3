// expect: memory_limit,crashed,success
// memory outside of the heap, caught and asked for again
const kept = [];
for (let size = 64 << 20, refusals = 0; refusals < 100;) try { kept.push(Buffer.alloc(size, 1)); } catch { refusals++; size = Math.max(4096, size >> 1); }
if (kept.reduce((sum, one) => sum + one.length, 0) > 144 << 20) escaped('its budget');
return 'contained';
