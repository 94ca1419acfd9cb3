// name: Data Aggregation
// description: Group sales by product and work out total, average and count
// category: data
// difficulty: intermediate

// Send {"sales": [{"product": "...", "amount": 1}, ...]} to sum up your own.
const sales = input?.sales ?? [
  { product: 'Coffee', amount: 3.5 },
  { product: 'Tea', amount: 2.8 },
  { product: 'Coffee', amount: 4.25 },
  { product: 'Cake', amount: 5.6 },
  { product: 'Tea', amount: 3.2 },
  { product: 'Coffee', amount: 3.5 },
];

// A Map keeps the groups apart whatever the products are called, and in the order of their first sale.
const groups = new Map();
for (const { product, amount } of sales) {
  const group = groups.get(product) ?? { total: 0, count: 0 };
  group.total += amount;
  group.count += 1;
  groups.set(product, group);
}

const cents = (value) => Math.round(value * 100) / 100;
const rows = [...groups].map(([product, { total, count }]) => [
  product,
  { total: cents(total), average: cents(total / count), count },
]);
const summary = Object.fromEntries(rows);

for (const [product, { total, average, count }] of rows) {
  console.log(`${product}: ${count} sold, total ${total.toFixed(2)}, average ${average.toFixed(2)}`);
}

results.summary = summary;
