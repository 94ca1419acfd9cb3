// Objects as dictionaries: thousands of keys, deletes, integer keys among them, and their order.
const object = {};
for (let i = 0; i < 30_000; i++) object['key' + ((i * 7919) % 20_011)] = i;
for (let i = 0; i < 20_011; i += 3) delete object['key' + i];
for (let i = 500; i > 0; i--) object[i] = -i;
const keys = Object.keys(object);
let hash = 0;
for (const key in object) hash = (Math.imul(hash, 31) + key.length * 131 + object[key]) | 0;
const spread = { ...object, key1: 'last' };
const array = [];
array[100_000] = 1; array[3] = 2; array.extra = 3;
return [keys.length, keys.slice(0, 3), keys.at(-1), hash, Object.keys(spread).length, Object.keys(array)].join();
