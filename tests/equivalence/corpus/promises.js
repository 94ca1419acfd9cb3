// A storm of promises: chains, combinators, thenables, rejections that are handled, and the exact order of microtasks.
const order = [];
const chain = (name, n) => { let promise = Promise.resolve(); for (let i = 0; i < n; i++) promise = promise.then(() => order.push(name + i)); return promise; };
await Promise.all([chain('a', 4), chain('b', 3), (async () => { await null; order.push('c'); await { then(resolve) { order.push('then'); resolve(); } }; order.push('d'); })()]);
let sum = 0;
for (const value of await Promise.all(Array.from({ length: 40_000 }, async (_, i) => { await null; return i; }))) sum += value;
const settled = await Promise.allSettled([1, Promise.reject(new Error('no')), new Promise((resolve) => queueMicrotask(() => resolve('late')))]);
const any = await Promise.any([Promise.reject(1), Promise.resolve('any')]);
const none = await Promise.any([Promise.reject(1), Promise.reject(2)]).catch((error) => [error.name, ...error.errors].join('/'));
const race = await Promise.race([new Promise(() => {}), Promise.resolve('first')]);
const { promise, resolve } = Promise.withResolvers();
setTimeout(resolve, 1, 'outside');
let deep = Promise.resolve(0);
for (let i = 0; i < 20_000; i++) deep = deep.then((n) => n + 1);
const caught = await Promise.reject(new TypeError('x')).catch((error) => error.name).finally(() => order.push('finally'));
const tried = await Promise.try(() => { throw new RangeError('sync'); }).catch((error) => error.name);
return [order, sum, settled.map(({ status }) => status), any, none, race, await promise, await deep, caught, tried].join();
