// expect: timeout,memory_limit,success
// finalizers that register anew and allocate outside of the heap
let n = 0; const r = new FinalizationRegistry(() => { n++; r.register({}, new Uint8Array(1 << 16).fill(1)); r.register(new ArrayBuffer(1 << 16), 1); }); for (let i = 0; i < 2000; i++) r.register(new ArrayBuffer(1 << 12), i);
for (;;) { await new Promise((f) => setTimeout(f, 0)); new Array(1e4).fill({}); }
