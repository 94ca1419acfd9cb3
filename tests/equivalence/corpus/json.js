// JSON both ways: large, deep, with revivers and replacers, odd numbers, lone surrogates, and texts that are none.
let seed = 2;
const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const list = Array.from({ length: 8000 }, (_, i) => ({ id: i, name: 'name ' + i, value: random(), tags: [i, i + 1, { deep: 'x'.repeat(i % 20) }], 'ключ': null }));
const text = JSON.stringify(list), back = JSON.parse(text), again = JSON.stringify(back) === text;
const revived = JSON.parse('{"a":[1,2,{"b":3}],"__proto__":1}', function (key, value) { return typeof value === 'number' ? value * 10 : value; });
const shaped = JSON.stringify({ b: 1n === 1n, a: [undefined, () => 1, NaN, -0, 1e21, 5e-324], d: new Date(0), skip: undefined, t: { toJSON: (key) => key + '!' } }, null, 1);
const chosen = JSON.stringify({ a: 1, b: { a: 2, c: 3 } }, ['a', 'b']), replaced = JSON.stringify([1, [2]], (key, value) => (Array.isArray(value) ? value : value + 1));
let deep = 1;
for (let i = 0; i < 1500; i++) deep = [deep];
const depth = JSON.stringify(deep).length, unpaired = JSON.stringify('\ud800\u2028');
const refused = ['{"a":1,}', '01', '"\n"', '[1', '', 'NaN'].map((wrong) => { try { return JSON.parse(wrong); } catch (error) { return error.message; } });
const raw = JSON.stringify({ big: JSON.rawJSON('12345678901234567890') });
return [text.length, again, JSON.stringify(revived), Object.keys(revived), shaped, chosen, replaced, depth, unpaired, refused, raw].join();
