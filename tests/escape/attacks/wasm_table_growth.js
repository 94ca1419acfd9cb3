// expect: memory_limit,error,timeout
// tables of references outside of any memory
const t = new WebAssembly.Table({ initial: 1, element: "externref" }); const keep = [t]; for (;;) { try { t.grow(1e6, {}); } catch (e) { if (t.length < 1e6) throw e; keep.push(new WebAssembly.Table({ initial: 1e6, element: "externref" }, {})); } }
