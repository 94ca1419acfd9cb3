// Regular expressions: compiled, backtracking, sticky, look-behind, named groups, Unicode properties, sets.
const text = 'The quick brown fox 1234 jumps over 5678 lazy dogs; foo@bar.com, x_y@z.org Ünïcödé Ωμέγα '.repeat(600);
const found = [];
for (const pattern of [
  /\b(\w+)@(\w+)\.(com|org)\b/g, /(?<=\s)(\d{4})(?=\s)/g, /(?:[aeiou][^aeiou\s]){2,}/gi, /\p{Lu}\p{Ll}+/gu, /[\p{L}--[a-z]]{2,}/gv, /(\w)\1/g,
]) {
  let count = 0, length = 0;
  for (const match of text.matchAll(pattern)) { count++; length += match[0].length + match.index % 7; }
  found.push(`${count}:${length}`);
}
const named = /(?<year>\d{4})-(?<month>\d\d)/d.exec('on 2024-02-29');
const sticky = /\w+\s/y;
let words = 0;
while (sticky.test(text)) words++;
const replaced = text.replace(/o(.)/g, (_, after) => after + '0').length, swapped = 'a-b'.replace(/(?<l>.)-(?<r>.)/, '$<r>-$<l>');
let steps = 'no';
try { steps = /^(a+)+$/.test('a'.repeat(18) + '!'); } catch (error) { steps = error.name; }
return [...found, named.groups.year, named.indices.groups.month, words, replaced, swapped, steps, text.split(/[;,]\s/).length].join();
