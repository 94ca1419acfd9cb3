// name: Async/Await Pattern
// description: Start several tasks at once and wait for all of them with Promise.all
// category: async
// difficulty: advanced

const path = input?.path ?? '/api/data';

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function load() {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`GET ${path} answered ${response.status}`);
  return response.json();
}

async function compute(name, ms) {
  await wait(ms); // stands for something slow
  return `${name} after ${ms} ms`;
}

// Calling an async function starts it. All three are under way before the first one is awaited,
// so together they take as long as the slowest, not as long as their sum.
const [data, first, second] = await Promise.all([load(), compute('first', 40), compute('second', 20)]);
console.log('All done:', [first, second]);

// Promise.all gives up at the first failure; allSettled waits for every one and tells which failed.
const settled = await Promise.allSettled([compute('third', 10), Promise.reject(new Error('no luck'))]);
for (const { status, value, reason } of settled) {
  console.log(`${status}:`, value ?? reason.message);
}

results.data = data;
results.computed = [first, second];
results.settled = settled.map(({ status }) => status);
