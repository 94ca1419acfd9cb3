// name: Mathematical Operations
// description: Sum, average, extremes, rounding and a little statistics
// category: basics
// difficulty: beginner

// Send {"numbers": [...]} to use your own.
const numbers = input?.numbers ?? [4, 9, 1, 6, 3, 5];

const sum = numbers.reduce((total, number) => total + number, 0);
const average = sum / numbers.length;
const max = Math.max(...numbers);
const min = Math.min(...numbers);
console.log('Sum:', sum, 'Average:', average.toFixed(2), 'Max:', max, 'Min:', min);

// The median is the middle of the sorted list. Without a comparison, sort would put 10 before 9.
const sorted = [...numbers].sort((a, b) => a - b);
const half = Math.floor(sorted.length / 2);
const median = sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;

const variance = numbers.reduce((total, number) => total + (number - average) ** 2, 0) / numbers.length;

// Numbers are binary fractions: compare them with a tolerance, round them for people.
const round = (value, places = 2) => Math.round(value * 10 ** places) / 10 ** places;
console.log('0.1 + 0.2 is', 0.1 + 0.2, 'and rounded', round(0.1 + 0.2));

results.sum = sum;
results.average = round(average);
results.max = max;
results.min = min;
results.median = median;
results.standardDeviation = round(Math.sqrt(variance));
