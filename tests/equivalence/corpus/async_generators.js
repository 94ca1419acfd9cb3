// Async generators, for await, delegation, early return with clean-up, and a thousand async functions that interleave.
const order = [];
async function* count(n, name) {
  try { for (let i = 0; i < n; i++) { if (i % 50 === 0) await null; yield i; } } finally { order.push('end ' + name); }
}
async function* both() { yield* count(3000, 'first'); yield* [10, 20, Promise.resolve(30)]; return 'value'; }
let sum = 0;
for await (const value of both()) sum += value;
for await (const value of count(1e9, 'endless')) if (value > 500) break;
const manual = count(10, 'manual');
await manual.next();
await manual.throw(new Error('stop')).catch((error) => order.push(error.message));
const turns = [];
await Promise.all(Array.from({ length: 1000 }, async (_, i) => { for (let turn = 0; turn < 3; turn++) { await null; if (i % 250 === 0) turns.push(i + turn); } }));
const requests = count(100, 'queue'), queued = await Promise.all(Array.from({ length: 5 }, () => requests.next()));
const list = await Array.fromAsync(count(40, 'list'), (value) => value * 2);
return [sum, order, turns, queued.map(({ value }) => value), list.length, list.at(-1)].join();
