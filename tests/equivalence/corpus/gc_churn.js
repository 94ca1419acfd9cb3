// Short-lived garbage with some that survives: many scavenges, promotion, a few full collections.
let keep = [], sum = 0;
for (let i = 0; i < 700_000; i++) {
  const object = { i, pair: [i, i + 1], text: 'k' + i };
  if (i % 40 === 0) keep.push(object);
  if (keep.length > 4000) keep = keep.slice(2000);
  sum += object.pair[1] & 1;
}
const closures = [];
for (let i = 0; i < 60_000; i++) { const mine = i; closures[i % 500] = () => mine; }
return [sum, keep.length, keep.reduce((n, { text }) => n + text.length, 0), closures.reduce((n, f) => n + f(), 0)].join();
