// Looks at every object of the realm, and then leaves residue of every kind behind.
function look() {
  const seen = new Set([globalThis]), lines = [];
  const keys = (object) => Reflect.ownKeys(object).map(String).join(' ');
  const describe = (name, value) => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) { lines.push(`${name} ${typeof value} ${String(value)}`); return; }
    if (seen.has(value)) return;
    seen.add(value);
    const native = typeof value === 'function' && Function.prototype.toString.call(value).includes('[native code]');
    lines.push(`${name} ${typeof value} ${native} ${Object.isFrozen(value)} ${keys(value)}`);
    for (const key of Reflect.ownKeys(value)) {
      const property = Object.getOwnPropertyDescriptor(value, key);
      if (name.split('.').length < 5) for (const part of ['value', 'get', 'set']) if (property[part] !== undefined) describe(`${name}.${String(key)}`, property[part]);
    }
    const parent = Object.getPrototypeOf(value);
    if (parent !== null) describe(`${name}.[[Prototype]]`, parent);
  };
  for (const key of Reflect.ownKeys(globalThis)) describe(String(key), globalThis[key]);
  describe('iterator', [][Symbol.iterator]());
  describe('generator', (function* () {})());
  describe('async generator', (async function* () {})());
  const { locale, timeZone, calendar } = Intl.DateTimeFormat().resolvedOptions(), timer = setTimeout(() => {});
  clearTimeout(timer);
  lines.push(`place ${locale} ${timeZone} ${calendar} ${new Date(2024, 6, 1).getTimezoneOffset()} ${(1234.5).toLocaleString()}`);
  lines.push(`state ${timer} ${RegExp.lastMatch} ${Error.stackTraceLimit} ${Object.keys(results)} ${JSON.stringify(input)}`);
  lines.push(`node ${typeof process} ${typeof require} ${typeof module} ${typeof global} ${navigator.userAgent}`);
  return lines;
}

function pollute() {
  const residue = { residue: 'residue' };
  globalThis.residue = residue;
  for (const target of [Object, Array, Function, Promise, RegExp, Error, Map, URL, Event]) {
    target.residue = residue;
    Object.defineProperty(target.prototype, 'residue', { value: residue, configurable: true, enumerable: false });
  }
  JSON.parse = residue; Array.prototype.at = residue;
  Error.stackTraceLimit = 3; Error.prepareStackTrace = () => 'residue';
  Intl.DateTimeFormat = function DateTimeFormat() { return { resolvedOptions: () => ({ locale: 'residue', timeZone: 'Asia/Tokyo' }) }; };
  Date.prototype.getTimezoneOffset = () => 540;
  delete globalThis.escape; delete String.prototype.trim; globalThis.undeclared = 1; crypto.residue = residue; input = 'residue';
  /residue/.exec('residue');
  Symbol.for('residue').description;
  console.count('residue'); console.time('residue'); console.group('residue'); console.residue = residue;
  setTimeout(() => console.log('residue of a timer'), 1e6); setInterval(() => console.log('residue of an interval'), 1e6);
  queueMicrotask(() => { globalThis.later = residue; });
  new FinalizationRegistry(() => console.log('residue of a finalizer')).register({}, 1);
  globalThis.weak = new WeakRef(residue);
  Atomics.store(globalThis.shared = new Int32Array(new SharedArrayBuffer(8)), 0, 7);
  Object.freeze(Math); Object.freeze(Reflect);
}

const seen = look();
console.count('residue'); console.timeEnd('residue'); console.log('at the margin');
pollute();
results.realm = seen.join('\n');
