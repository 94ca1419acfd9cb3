// Errors: names, messages and causes of V8's own, and the line and column of each of the user's frames in their stacks.
const frames = (error) => [...error.stack.matchAll(/user\.js:(\d+):(\d+)/g)].map(([, line, column]) => line + ':' + column).join(' ');
const caught = (f) => { try { f(); return null; } catch (error) { return error; } };
function outer(f) { return inner(f); }
function inner(f) {
  return f();
}
const native = [
  () => null.x, () => undefined.y(), () => missing, () => (void 0)(), () => new Array(-1), () => 'x'.repeat(-1), () => (1).toFixed(101),
  () => Symbol() + '', () => { const c = 1; c = 2; }, () => { t; let t; }, () => new (class A { #p; static m(o) { return o.#p; } }).constructor.m({}), () => [].reduce((a) => a), () => decodeURI('%'), () => BigInt(1.5), () => null[Symbol.iterator],
  () => { const { a } = null; }, () => { const [a] = 5; }, () => new RegExp('('), () => JSON.parse('{'), () => ({}) instanceof 5,
].map((f) => caught(() => outer(f)));
const told = native.map((error) => `${error.name}: ${error.message} @ ${frames(error)}`);
async function later(n) { await null; if (n === 0) throw new Error('async'); await later(n - 1); }
const asynchronous = frames(await later(3).catch((error) => error));
const sorted = frames(caught(() => [2, 1].sort(() => { throw new Error('in sort'); })));
let count = 0;
function deep(n) { return n === 0 ? null.x : deep(n - 1) + 1; }
for (let i = 0; i < 200; i++) count += frames(caught(() => deep(5))).length;
const chained = new Error('top', { cause: new AggregateError([1, new TypeError('in')], 'many') });
const overflow = caught(function again() { again(); });
return [...told, asynchronous, sorted, count, chained.cause.errors.length, overflow.name, overflow instanceof RangeError].join('\n');
