/* Top-level await in every position, and the order in which things happen. */
const order = [];
const note = (name) => () => { order.push(name); };
queueMicrotask(note('microtask'));
Promise.resolve().then(note('then')).then(note('then 2'));
order.push('sync');
await undefined;
order.push('after one await');
const gathered = [];
for await (const part of (async function* () { yield 1; yield* [2, 3]; })()) gathered.push(part);
for (const part of await Promise.all([4, new Promise((done) => { setTimeout(done, 3, 5); })])) gathered.push(part);
const caught = await Promise.reject(new RangeError('r')).catch((error) => error.name);
const { a = await 6, ...rest } = await { b: await 7 };
class Late { static [await 'name' + 'd'] = 8; }
setTimeout(note('never in the sum'), 0);
export default JSON.stringify([order, gathered, caught, a, rest, Late.named, await (9)]);
