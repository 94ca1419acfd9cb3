/* Work on data: parsing, grouping, sorting, formatting, hashing, as programs of agents do. */
const rows = Array.from({ length: 3000 }, (_, i) => ({ id: i, city: ['Wien', 'Łódź', '東京', 'São Paulo'][i % 4], amount: (i * 7919) % 1000 / 10 }));
const text = JSON.stringify(rows), back = JSON.parse(text, (key, value) => (key === 'amount' ? value * 2 : value));
const groups = Object.groupBy(back, ({ city }) => city);
const sums = Object.entries(groups).map(([city, list]) => [city, list.reduce((sum, { amount }) => sum + amount, 0)]).sort(([a], [b]) => new Intl.Collator('de').compare(a, b));
const table = sums.map(([city, sum]) => `${city.padEnd(10)}${new Intl.NumberFormat('de-AT', { style: 'currency', currency: 'EUR' }).format(sum)}`).join('\n');
const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text + table)));
console.log(table);
export default Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
