// name: Process Array Data
// description: Transform and filter array data
// category: data
// difficulty: beginner

// Send your own list as {"items": [...]} to replace this one.
const items = input?.items ?? [
  { name: 'Notebook', price: 4.5, inStock: true },
  { name: 'Desk lamp', price: 39.9, inStock: false },
  { name: 'Fountain pen', price: 24, inStock: true },
  { name: 'Backpack', price: 59, inStock: true },
];

// filter keeps items, map makes a new one of each; neither changes the list it is called on.
const processed = items
  .filter((item) => item.inStock)
  .map((item) => ({ name: item.name.toUpperCase(), priceWithTax: Math.round(item.price * 120) / 100 }));

console.log(`Kept ${processed.length} of ${items.length} items`);
for (const { name, priceWithTax } of processed) {
  console.log(`- ${name}: ${priceWithTax.toFixed(2)}`);
}

results.processed = processed;
