/* What only a module has: hoisted exports, bindings that live, strictness, an own scope. */
const seen = [typeof this, typeof arguments, typeof require, Object.keys(import.meta).length >= 0];
export { later as first };
let later = 1;
const early = (() => { try { return unborn; } catch (error) { return error.name; } })();
let unborn = 2;
export function value() { return later; }
export class Counter { #n = 0; static made = 0; constructor() { Counter.made += 1; } get next() { return (this.#n += 1); } }
later += 1;
try { undeclared = 1; } catch (error) { seen.push(error.constructor === ReferenceError); }
const counter = new Counter();
seen.push(early, value(), counter.next, counter.next, Counter.made, Object.hasOwn(globalThis, 'later'));
await null;
later += 1;
seen.push(value(), await (async () => { await 1; return later; })(), (0, eval)('typeof later'));
export default seen.join();
