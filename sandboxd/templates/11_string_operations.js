// name: String Operations
// description: Clean, count, split and rebuild text
// category: basics
// difficulty: beginner

// Send {"text": "..."} to use your own.
const text = input?.text ?? '  The quick brown fox jumps over the lazy dog.  ';

// Strings never change: each method gives back a new one.
const trimmed = text.trim();
const words = trimmed.match(/[\p{L}\p{N}']+/gu) ?? [];

const titleCase = words.map((word) => word[0].toUpperCase() + word.slice(1).toLowerCase()).join(' ');
console.log('Title:', titleCase);

const slug = words.join('-').toLowerCase();
console.log('Slug:', slug);

// Spreading a string gives whole characters, where text[i] would cut an emoji in two.
const reversed = [...trimmed].reverse().join('');
console.log('Reversed:', reversed);

const longest = words.reduce((best, word) => (word.length > best.length ? word : best), '');
console.log(`${words.length} words, the longest is "${longest}"`);

results.titleCase = titleCase;
results.slug = slug;
results.reversed = reversed;
results.wordCount = words.length;
results.longest = longest;
