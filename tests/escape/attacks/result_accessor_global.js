// expect: success,error
// results itself becomes an accessor that never returns
Object.defineProperty(globalThis, "results", { configurable: true, get() { for (;;); }, set() { for (;;); } }); return { a: 1 };
