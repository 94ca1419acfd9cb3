// expect: memory_limit,timeout,error
// a stream that is filled and never read, teed again and again
let s = new ReadableStream({ start(c) { for (;;) c.enqueue(new Uint8Array(1 << 16).fill(1)); } }); for (let i = 0; i < 1e4; i++) s = s.tee()[0]; return 1;
