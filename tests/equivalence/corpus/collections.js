// Map, Set, WeakMap, WeakSet: growth, deletes during iteration, insertion order, grouping, set algebra, odd keys.
const map = new Map(), weak = new WeakMap(), set = new Set(), keys = [];
for (let i = 0; i < 40_000; i++) { const key = { i }; keys.push(key); map.set('k' + (i % 9973), i); weak.set(key, i); set.add((i * 7) % 10_007); }
let sum = 0;
for (const key of keys) sum += weak.get(key);
for (const [key, value] of map) if (value % 2) map.delete(key);
const walked = [];
const changing = new Set([1, 2, 3]);
for (const value of changing) { walked.push(value); if (value < 3) changing.add(value + 10); if (value === 2) changing.delete(3); }
const odd = new Map([[NaN, 'nan'], [0, 'zero'], ['0', 'text']]);
const groups = Map.groupBy(keys.slice(0, 100), ({ i }) => i % 3), named = Object.groupBy(['a', 'bb', 'cc'], ({ length }) => length);
const evens = new Set([0, 2, 4, 6]), threes = new Set([0, 3, 6]);
const algebra = [evens.union(threes), evens.intersection(threes), evens.difference(threes), evens.symmetricDifference(threes)].map((s) => [...s].join('/'));
const seen = new WeakSet(keys.slice(0, 10));
return [sum, map.size, set.size, [...map.keys()].slice(0, 3), walked, odd.get(NaN), odd.get(-0), groups.get(2).length, JSON.stringify(named), algebra, evens.isSupersetOf(new Set([2])), seen.has(keys[9]), seen.has(keys[10])].join();
