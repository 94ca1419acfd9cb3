// Shared buffers and Atomics in the one thread there is: arithmetic, exchange, waiting that times out, growth.
const shared = new SharedArrayBuffer(1024, { maxByteLength: 4096 }), cells = new Int32Array(shared), wide = new BigInt64Array(shared);
for (let i = 0; i < 200_000; i++) Atomics.add(cells, i & 31, i & 7);
const sums = [Atomics.load(cells, 5), Atomics.exchange(cells, 5, 9), Atomics.compareExchange(cells, 5, 9, 11), Atomics.or(cells, 5, 4), Atomics.xor(cells, 5, 1), Atomics.and(cells, 5, 6), Atomics.sub(cells, 5, 2), cells[5]];
Atomics.store(wide, 20, -5n);
const big = Atomics.add(wide, 20, 2n ** 62n), after = wide[20];
const woken = Atomics.notify(cells, 0, 5);
const different = Atomics.waitAsync(cells, 5, 12345).value;
const pending = Atomics.waitAsync(cells, 0, cells[0]), hit = Atomics.notify(cells, 0);
const answer = await pending.value;
shared.grow(4096);
let refused = '';
try { shared.grow(100); } catch (error) { refused = error.name; }
return [sums, big, after, woken, different, hit, answer, cells.length, shared.growable, refused, Atomics.isLockFree(4)].join();
