/* User code, not a module: crawls everything reachable from the global object and from one live instance of each class, and
 * returns { objects, hits, captured }. `TRAPS` is put before it: whether to lay traps first and crawl what they caught. */
const ask = oracle, trapNames = oracle.names;
const { ownKeys, getOwnPropertyDescriptor, getPrototypeOf, apply, defineProperty } = Reflect;
const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';
const names = new Set(), seen = new Map(), queue = [], hits = {}, captured = new Set();
const has = Map.prototype.has.bind(seen), put = Map.prototype.set.bind(seen), keep = Set.prototype.add.bind(captured);

function reach(value, path) {
  if (!isObject(value) || value === ask || has(value)) return;
  put(value, path);
  defineProperty(queue, queue.length, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
  const found = ask(value);
  if (found !== undefined) hits[found] = path;
}
const quietly = (f) => { try { return f(); } catch (error) { return error; } };

/* Getters that only look: those on prototypes, called on the instance; also the results of methods without arguments. */
const CALLABLE = /^(?:values|keys|entries|getReader|getWriter|toJSON|valueOf|next|getAll|clone|text|json|formData|arrayBuffer|blob|bytes|stream|tee|composedPath|resolvedOptions|Symbol\(.*iterator\))$/i;
function look(object, path) {
  const chain = [], calls = path.split('()').length - 1;     // what calls produce is followed, but not without end
  for (let at = object; at !== null && isObject(at) && chain.length < 12; at = quietly(() => getPrototypeOf(at))) { chain.push(at); }
  reach(chain[1], `${path}.__proto__`);
  chain.forEach((holder, level) => {
    for (const key of quietly(() => ownKeys(holder))) {
      if (typeof key === 'string') names.add(key);
      const property = quietly(() => getOwnPropertyDescriptor(holder, key));
      const label = `${path}.${String(key)}`;
      if (level === 0) { reach(property.value, label); reach(property.get, `${label}[get]`); reach(property.set, `${label}[set]`); }
      if (property.get && path.length < 300) reach(quietly(() => apply(property.get, object, [])), label);
      else if (level > 0 && calls < 2 && typeof property.value === 'function' && CALLABLE.test(String(key))) {
        const result = quietly(() => apply(property.value, object, []));
        if (isObject(result) && typeof result.then === 'function') quietly(() => result.then((value) => reach(value, `${label}()*`), (error) => reach(error, `${label}()!`)));
        reach(result, `${label}()`);
      }
    }
  });
}
function crawl() { for (let i = 0; i < queue.length; i++) look(queue[i], seen.get(queue[i])); }

/* One live instance of each class, and the values that APIs hand out. */
const module = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
async function instances() {
  const list = [
    () => new URL('http://a/?b=c'), () => new URLSearchParams('a=b'), () => new URLPattern('http://a/:b'), () => new URLPattern({ pathname: '/:a' }).exec('http://a/b'), () => new DOMException('m', 'AbortError'),
    () => new AbortController(), () => AbortSignal.any([AbortSignal.abort()]), () => AbortSignal.timeout(1), () => new Event('x'), () => new EventTarget(), () => new CustomEvent('x'), () => new MessageEvent('x'),
    () => new TextEncoder(), () => new TextDecoder(), () => new TextEncoderStream(), () => new TextDecoderStream(), () => new TransformStream(), () => new WritableStream(), () => new ReadableStream(),
    () => new ReadableStream({ type: 'bytes' }).getReader({ mode: 'byob' }), () => new ReadableStream({ start(c) { reach(c, 'controller'); } }), () => new TransformStream({ start(c) { reach(c, 'controller'); } }),
    () => new WritableStream({ start(c) { reach(c, 'controller'); } }), () => new ByteLengthQueuingStrategy({ highWaterMark: 1 }), () => new CountQueuingStrategy({ highWaterMark: 1 }),
    () => new CompressionStream('gzip'), () => new DecompressionStream('gzip'), () => new Blob(['x']), () => new File(['x'], 'y'), () => new FormData(), () => new Headers({ a: 'b' }),
    () => new Request('http://a/', { method: 'POST', body: 'x' }), () => new Response('x'), () => new Response('{}').json(), () => new Response('x').body, () => Response.json({}), () => new Blob(['x']).stream(),
    () => crypto.subtle.digest('SHA-256', module), () => crypto.subtle.generateKey({ name: 'AES-GCM', length: 128 }, true, ['encrypt']), () => crypto.getRandomValues(new Uint8Array(2)),
    () => structuredClone({ a: [new Map([[1, new Date()]])] }), () => fetch('http://a/'), () => fetch('http://a/').then((response) => response.body), () => setTimeout(() => {}, 0), () => performance.toJSON(), () => navigator, () => Buffer.from('x'), () => Buffer.alloc(4),
    () => new WebAssembly.Module(module), () => WebAssembly.instantiate(module), () => new WebAssembly.Memory({ initial: 1 }), () => new WebAssembly.Table({ initial: 1, element: 'anyfunc' }),
    () => new Intl.DateTimeFormat(), () => new Intl.NumberFormat(), () => new Intl.Collator(), () => new Intl.Segmenter().segment('a b'), () => new Intl.PluralRules(), () => new Intl.ListFormat(),
    () => new Proxy({}, {}), () => (function* () { yield 1; })(), () => (async function* () { yield 1; })(), () => [][Symbol.iterator](), () => new Map()[Symbol.iterator](), () => 'a'.matchAll(/a/g), () => async () => {},
    () => new Error('x', { cause: 1 }), () => new AggregateError([]), () => null.x, () => structuredClone(() => {}), () => new WeakRef({}), () => new FinalizationRegistry(() => {}), () => new SharedArrayBuffer(1),
    () => { const before = Error.prepareStackTrace; try { Error.prepareStackTrace = (_, frames) => frames; return new Error().stack; } finally { Error.prepareStackTrace = before; } },
    () => new DisposableStack(), () => new AsyncDisposableStack(), () => arguments,
    () => { let got; console.log({ [Symbol.for('nodejs.util.inspect.custom')](...args) { got = args; return ''; } }); return got; },
    () => new Promise((done) => { const t = new EventTarget(); t.addEventListener('x', (...a) => done(a)); t.dispatchEvent(new Event('x')); }),
    () => new Promise((done) => { new ReadableStream({ pull(...a) { done(a); } }); }), () => new Promise((done) => { setTimeout(function (...a) { done([this, a]); }, 1, 2); }),
    () => new Promise((done) => { queueMicrotask(function (...a) { done([this, a]); }); }),
    async () => { const s = new CompressionStream('gzip'), w = s.writable.getWriter(); w.write(module); w.close(); return new Response(s.readable).arrayBuffer(); },
    async () => { const f = new FormData(); f.append('a', new Blob(['b'])); return new Response(f).formData(); },
    async () => new Response(new Blob(['x']).stream().pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream())).text(),
    async () => { for await (const chunk of new Response('abc').body) return chunk; },
  ];
  for (const make of list) {
    let value;
    try { value = await Promise.race([make(), new Promise((_, no) => { setTimeout(no, 250, 'too late'); })]); } catch (error) { value = error; }
    reach(value, String(make).slice(0, 60));
    const again = quietly(make);                             // the promise itself, where the first was its value
    if (again instanceof Promise) again.catch(() => {});
    reach(again, String(make).slice(0, 60));
  }
}

function layTraps() {
  const catchIt = (value) => { if (isObject(value)) keep(value); };
  const all = [...names, ...trapNames, 'then'], own = new Set(ownKeys(Object.prototype));
  for (const name of all) {
    if (own.has(name) || name in globalThis) continue;       // a context that Node makes would miss the language's own
    defineProperty(Object.prototype, name, {
      __proto__: null,
      configurable: true,
      get() { catchIt(this); return undefined; },
      set(value) { catchIt(this); catchIt(value); defineProperty(this, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true }); },
    });
  }
  for (let i = 0; i < 8; i++) {
    defineProperty(Array.prototype, String(i), {
      __proto__: null,
      configurable: true,
      get() { return undefined; },
      set(value) { catchIt(value); defineProperty(this, String(i), { __proto__: null, value, writable: true, enumerable: true, configurable: true }); },
    });
  }
  const spied = [[Function.prototype, ['call', 'apply', 'bind']], [Map.prototype, ['get', 'set', 'has', 'delete']], [Set.prototype, ['add', 'has', 'delete']], [WeakMap.prototype, ['get', 'set']],
    [Promise.prototype, ['then', 'catch', 'finally']], [Array.prototype, ['push', 'pop', 'shift', 'unshift', 'splice', 'slice', 'map', 'forEach', 'includes', 'indexOf', 'join']],
    [Object, ['assign', 'create', 'defineProperty', 'setPrototypeOf', 'freeze']], [Reflect, ['apply', 'construct']]];
  for (const [owner, methods] of spied) {
    for (const method of methods) {
      const original = owner[method];
      owner[method] = function (...args) { catchIt(this); for (let i = 0; i < args.length; i++) catchIt(args[i]); return apply(original, this, args); };
    }
  }
  return () => { for (const name of all) if (!own.has(name)) delete Object.prototype[name]; for (let i = 0; i < 8; i++) delete Array.prototype[String(i)]; };
}

reach(globalThis, 'globalThis');
reach((function () { return this; })(), 'this');
crawl();
if (TRAPS) {
  const lift = layTraps();
  await instances();
  await new Promise((done) => { setTimeout(done, 20); });
  lift();
  for (const value of captured) reach(value, 'caught in a trap');
} else await instances();
crawl();
await new Promise((done) => { setTimeout(done, 20); });
crawl();
return { objects: seen.size, hits, captured: captured.size, names: names.size };
