// name: Conditional Logic
// description: Choose between cases with if, switch, ?: and ??
// category: basics
// difficulty: beginner

// Send {"score": 93} to grade another score. ?? falls back only on null and undefined, so 0 stays 0.
const score = input?.score ?? 85;

// The first condition that holds wins, so go from the highest down.
let grade;
if (score >= 90) {
  grade = 'A';
} else if (score >= 80) {
  grade = 'B';
} else if (score >= 70) {
  grade = 'C';
} else {
  grade = 'F';
}
console.log('Grade:', grade);

// switch compares one value with many.
let advice;
switch (grade) {
  case 'A':
    advice = 'Excellent, keep it up';
    break;
  case 'B':
  case 'C':
    advice = 'Passed, with room to grow';
    break;
  default:
    advice = 'Please try again';
}
console.log(advice);

// condition ? one : other is an if that gives a value.
const sign = score % 10 >= 5 ? '+' : '-';
console.log('More exactly:', grade === 'F' ? grade : grade + sign);

results.grade = grade;
results.passed = grade !== 'F';
results.advice = advice;
