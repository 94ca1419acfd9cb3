// The end of the stack, reached many times and in many ways: always an error that can be caught, and work goes on after it.
let depth = 0;
const ways = {
  plain() { depth++; ways.plain(); },
  getter: () => { const object = { get x() { depth++; return this.x; } }; return object.x; },
  text: () => { const object = { toString() { depth++; return `${this}`; } }; return String(object); },
  json: () => { const object = { toJSON() { depth++; return { again: JSON.stringify(object) }; } }; return JSON.stringify(object); },
  spread: () => { const again = (...rest) => { depth++; return again(...rest, 1); }; return again(); },
  sort: () => { const again = () => [2, 1].sort(() => { depth++; again(); return 0; }); return again(); },
  proxy: () => { const proxy = new Proxy({}, { get: (_, key, self) => { depth++; return self[key]; } }); return proxy.x; },
  regex: () => { const again = () => 'ab'.replace(/./g, () => { depth++; return again(); }); return again(); },
  create: () => { class Again { constructor() { depth++; this.next = new Again(); } } return new Again(); },
};
const ends = [];
for (const [name, way] of Object.entries(ways)) {
  for (let round = 0; round < 3; round++) {
    depth = 0;
    try { way(); ends.push(name + ' ended'); } catch (error) { ends.push(`${name} ${error.name} ${depth > 100}`); }
  }
}
let nested = '[';
try { JSON.parse('['.repeat(200_000)); nested = 'parsed'; } catch (error) { nested = error.name; }
return [...ends, nested].join();
