// Generators and iterator helpers: laziness, closing, delegation, destructuring, spread, and a hand-made iterator.
const order = [];
function* naturals(name) { let n = 0; try { while (true) { const sent = yield n++; if (sent) order.push(name + sent); } } finally { order.push('closed ' + name); } }
const helped = naturals('h').filter((n) => n % 3 === 0).map((n) => n * n).drop(2).take(500).flatMap((n) => [n, -1]).toArray();
const [first, , third] = naturals('d');
for (const n of naturals('f')) if (n === 20_000) break;
const talk = naturals('t');
talk.next(); talk.next('hello'); talk.return(5);
function* tree(depth) { if (depth) { yield* tree(depth - 1); yield depth; yield* tree(depth - 1); } }
let sum = 0;
for (const value of tree(13)) sum += value;
const own = { from: 1, to: 5, [Symbol.iterator]() { let at = this.from, { to } = this; return { next: () => (at <= to ? { value: at++, done: false } : { value: undefined, done: true }), return: () => (order.push('returned'), {}) }; } };
const [head] = own, spread = Math.max(...own), wrapped = Iterator.from(own).some((n) => n === 4);
let refused = '';
try { naturals('r').take(-1); } catch (error) { refused = error.name; }
return [helped.length, helped.at(-2), first, third, order, sum, head, spread, wrapped, refused, Array.from(own, (n) => n * 2), Object.fromEntries([...own].entries())[4]].join();
