// expect: timeout,memory_limit
// a loop over an async generator that never lets the event loop turn
async function* g() { for (let i = 0; ; i++) yield i; } let n = 0; for await (const x of g()) n += x; return n;
