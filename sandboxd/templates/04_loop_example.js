// name: Loop Examples
// description: Count, sum and stop early with for, for...of and while
// category: basics
// difficulty: beginner

// Send {"numbers": [...]} to loop over your own.
const numbers = input?.numbers ?? [1, 2, 3, 4, 5];

// for...of visits the values.
let sum = 0;
for (const number of numbers) {
  sum += number;
}
console.log('Sum:', sum);

// A counting for loop knows the position; `continue` skips to the next round.
const everySecond = [];
for (let i = 0; i < numbers.length; i += 1) {
  if (i % 2 === 1) continue;
  everySecond.push(numbers[i]);
}
console.log('Every second:', everySecond);

// while runs as long as its condition holds; `break` leaves at once.
let doublings = 0;
let value = 1;
while (true) {
  if (value > 100) break;
  value *= 2;
  doublings += 1;
}
console.log(`1 doubled ${doublings} times is ${value}`);

results.sum = sum;
results.everySecond = everySecond;
results.doublings = doublings;
