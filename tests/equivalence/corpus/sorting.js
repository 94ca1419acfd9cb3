// Sorting with and without a comparator, stably, numbers as numbers and as texts.
let seed = 3;
const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const numbers = Array.from({ length: 40_000 }, random);
const ascending = numbers.toSorted((a, b) => a - b);
const texts = numbers.slice(0, 15_000).map((value) => value.toString(36)).sort();
const typed = Float64Array.from(numbers).sort();
const stable = numbers.map((value, index) => ({ bucket: Math.floor(value * 50), index })).sort((a, b) => a.bucket - b.bucket);
const kept = stable.every((item, at) => at === 0 || stable[at - 1].bucket < item.bucket || stable[at - 1].index < item.index);
return [ascending[777], texts[999], typed.every((value, at) => value === ascending[at]), kept].join();
