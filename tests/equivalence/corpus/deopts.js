// Optimised code that is thrown away: the shapes, kinds of numbers and kinds of elements change under it.
const get = (object) => object.x + 1;
const makers = [
  (i) => ({ x: i }), (i) => ({ y: 1, x: i }), (i) => ({ x: i + 0.5 }), (i) => ({ x: String(i) }), (i) => ({ a: 1, b: 2, x: i }),
  (i) => [i], (i) => Object.create({ x: i }), (i) => ({ get x() { return i; } }), (i) => ({ x: BigInt(i) > 5n }),
];
let sum = 0;
for (const make of makers) {
  for (let i = 0; i < 8000; i++) { const value = get(make(i)); sum += typeof value === 'number' ? value | 0 : value.length; }
}

const add = (a, b) => a + b;
let total = 0;
for (let i = 0; i < 50_000; i++) total = add(total, i);
for (let i = 0; i < 5000; i++) total = add(total, 2 ** 31);            // past small integers
for (let i = 0; i < 5000; i++) total = add(total, 0.25);
const text = add(total, '!');

function fill(list) { for (let i = 0; i < 4000; i++) list[i] = i === 2500 ? 1.5 : i === 3500 ? 'x' : i; return list; }
let kinds = '';
for (let round = 0; round < 12; round++) { const list = fill([]); delete list[7]; kinds = list.length + typeof list[3500] + (7 in list); }

function withArguments() { arguments[0] = 9; return arguments.length + arguments[0]; }
let sloppy = 0;
for (let i = 0; i < 20_000; i++) sloppy += i % 5000 === 0 ? withArguments(1, 2, 3) : withArguments(i);
return [sum, text, kinds, sloppy].join();
