/* User code, not a module: replaces every function property of the language's built-ins by a thrower. What stays: `log`,
 * `later` (a captured setTimeout) and `replaced` (how many). Array.prototype.pop is left alone because Node itself calls it after
 * each tick; the rest of the code may use operators and these three only. */
const log = console.log, later = setTimeout;
const thrower = () => { throw 'patched'; };
let replaced = 0;
{
  const { ownKeys, getOwnPropertyDescriptor, getPrototypeOf } = Reflect, seen = new Set(), plan = [];
  const visit = (object) => {
    if ((typeof object !== 'object' && typeof object !== 'function') || object === null || seen.has(object)) return;
    seen.add(object);
    for (const key of ownKeys(object)) {
      const { value } = getOwnPropertyDescriptor(object, key);
      if (typeof value === 'function' && object !== globalThis && !(object === Array.prototype && key === 'pop')) plan.push([object, key]);
      visit(value);
    }
    visit(getPrototypeOf(object));
  };
  for (const name of ['Object', 'Function', 'Array', 'Number', 'Boolean', 'String', 'Symbol', 'Date', 'Promise', 'RegExp', 'Error', 'AggregateError', 'EvalError', 'RangeError', 'TypeError', 'JSON', 'Math', 'Intl',
    'ArrayBuffer', 'Atomics', 'Uint8Array', 'DataView', 'Map', 'Set', 'WeakMap', 'WeakSet', 'WeakRef', 'FinalizationRegistry', 'Proxy', 'Reflect', 'BigInt', 'Iterator']) visit(globalThis[name]);
  for (const object of [function* () {}, async function* () {}, async () => {}, [][Symbol.iterator](), new Map().keys(), 'a'[Symbol.iterator](), 'a'.matchAll(/a/g)]) visit(getPrototypeOf(object));
  for (let i = 0; i < plan.length; i++) { try { plan[i][0][plan[i][1]] = thrower; replaced++; } catch { /* not writable */ } }
  const names = ['Array', 'JSON', 'Promise', 'Reflect', 'Map', 'WeakMap', 'Error', 'TypeError', 'Object', 'String', 'Symbol', 'Function', 'Math', 'Date', 'performance', 'globalThis'];
  for (let i = 0; i < names.length; i++) globalThis[names[i]] = thrower;
}
