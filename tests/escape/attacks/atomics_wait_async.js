// expect: error,timeout,success
// asynchronous waits that nobody wakes, with and without an end
const i = new Int32Array(new SharedArrayBuffer(4)); const w = []; for (let k = 0; k < 1e4; k++) w.push(Atomics.waitAsync(i, 0, 0, k % 2 ? 2 ** 31 : undefined).value); return (await Promise.race(w)) && 1;
