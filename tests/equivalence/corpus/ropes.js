// Texts put together piece by piece, flattened, sliced, hashed; one-byte and two-byte, with surrogates.
let text = '';
for (let i = 0; i < 120_000; i++) text += i.toString(16);
let hash = 0;
for (let i = 0; i < text.length; i += 3) hash = (hash * 31 + text.charCodeAt(i)) | 0;
let left = '', right = '';
for (let i = 0; i < 3000; i++) { left = left + 'é€'[i & 1]; right = '👋x'.slice(0, 2 + (i & 1)) + right; }
const slices = [];
for (let i = 0; i < 5000; i++) slices.push(text.slice(i, i + 20 + (i % 7)));
const distinct = new Set(slices).size, joined = slices.join('').length;
const parts = text.split('a').join('bb').toUpperCase().slice(1000, 1010);
const wide = [...right].length, formed = 'a\ud800b'.isWellFormed() + 'a\ud800b'.toWellFormed();
const padded = 'x'.padStart(7, 'abc') + 'x'.padEnd(5, '-') + ' \n y'.trim() + 'ab'.repeat(3).replaceAll('a', '$$') + 'abc'.at(-1);
return [text.length, hash, left.length, wide, distinct, joined, parts, formed, padded, text.indexOf('ffff'), text.lastIndexOf('1234'), String.raw`\n${1}`].join();
