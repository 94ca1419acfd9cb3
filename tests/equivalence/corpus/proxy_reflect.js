// Proxies with every trap, in chains and as prototypes; Reflect; the invariants that V8 enforces.
const calls = {};
const logged = new Proxy({}, { get: (_, trap) => (target, ...args) => { calls[trap] = (calls[trap] ?? 0) + 1; return Reflect[trap](target, ...args); } });
const target = function target(a) { return a * 2; };
const proxy = new Proxy(target, logged);
proxy.x = 1; 'x' in proxy; delete proxy.x; Object.keys(proxy); proxy(3); new proxy(1); Object.getPrototypeOf(proxy);
Object.defineProperty(proxy, 'y', { value: 2, configurable: true }); Object.isExtensible(proxy); Object.preventExtensions(proxy);
let count = 0, chain = { get value() { return this === chain ? 'proxy' : 'target'; } };
for (let i = 0; i < 50; i++) chain = new Proxy(chain, { get: (inner, key, receiver) => (count++, Reflect.get(inner, key, receiver)) });
const seen = chain.value;
const child = Object.create(new Proxy({}, { get: (_, key) => 'virtual ' + String(key), has: () => true }));
let hot = 0;
const counting = new Proxy([], { get: (list, key) => (hot++, list[key]), set: (list, key, value) => (hot++, (list[key] = value), true) });
for (let i = 0; i < 20_000; i++) counting.push(i);
const refuse = (f) => { try { f(); return 'allowed'; } catch (error) { return error.name; } };
const fixed = Object.freeze({ a: 1 });
const refused = [
  () => new Proxy(fixed, { get: () => 2 }).a, () => Object.keys(new Proxy(fixed, { ownKeys: () => [] })),
  () => Reflect.getPrototypeOf(new Proxy(Object.preventExtensions({}), { getPrototypeOf: () => Array.prototype })),
  () => { const { proxy: gone, revoke } = Proxy.revocable({}, {}); revoke(); return gone.x; },
].map(refuse);
const built = Reflect.construct(Array, [3], class Other {}), set = Reflect.set({}, 'k', 1, Object.freeze({}));
return [JSON.stringify(calls), seen, count, child.any, 'z' in child, hot, refused, built.length, built.constructor.name, set, Reflect.ownKeys({ b: 1, 2: 1, a: 1, [Symbol.iterator]: 1 }).map(String)].join();
