// expect: success,memory_limit,timeout
// a million timers that are due at once
let n = 0; for (let i = 0; i < 1e6; i++) setTimeout(() => n++, 1); await new Promise((r) => setTimeout(r, 5)); return n > 0;
