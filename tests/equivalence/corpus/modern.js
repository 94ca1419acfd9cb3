// Younger parts of the language: destructuring, labels, tagged templates, optional chains, assignment operators, using, copies.
const tags = [];
const tag = (strings, ...values) => { tags.push(Object.isFrozen(strings), strings.raw.join('|'), values.join('|')); return strings; };
const template = () => tag`a${1}\n${2}`;
const stable = template() === template();
const { a = 1, b: { c: [, d = 4, ...rest] = [] } = {}, ...others } = { b: { c: [0, undefined, 2, 3] }, e: 5, f: 6 };
let x = null, y = 0, z = 'z';
x ??= 'set'; y ||= 7; z &&= 'zz';
const chain = [x?.length, y?.a?.b.c, undefined?.[tags.push('never')], Math.missing?.()];
const closed = [];
{
  using first = { [Symbol.dispose]() { closed.push('first'); } };
  await using second = { async [Symbol.asyncDispose]() { await null; closed.push('second'); } };
  closed.push('body');
}
let found = 0;
outer: for (let i = 0; i < 3000; i++) { for (let j = 0; j < 3000; j++) { if ((i * j) % 1_999_993 === 1_999_991) { found = i * 1000 + j; break outer; } if (j > i) continue outer; } }
const copies = [[3, 1, 2].toSorted(), [1, 2].toReversed(), [1, 2, 3].with(1, 9), [1, 2, 3].toSpliced(0, 1), [1, [2, [3]]].flat(Infinity), [5, 1].at(-1), [1, 2, 3].findLast((n) => n < 3)];
const accessors = Object.entries(Object.getOwnPropertyDescriptors({ get g() { return 1; }, m() {} })).map(([key, { get, value }]) => key + typeof get + typeof value);
const closures = [];
for (let i = 0; i < 3; i++) closures.push(() => i);
function defaults(p, q = p * 2, { r = q } = {}) { return [p, q, r, arguments.length, defaults.length]; }
return [stable, tags, a, d, rest, Object.keys(others), x, y, z, chain, closed, found, copies, accessors, closures.map((f) => f()), defaults(1), Object.hasOwn({ k: 1 }, 'k'), 1_000_000, 2 ** 3 ** 2].join();
