// expect: error,memory_limit,timeout,success
// texts and values that make JSON itself deep and long
for (const t of ["[".repeat(5e6), "{\"a\":".repeat(1e6), "[".repeat(1e5) + "]".repeat(1e5)]) { try { JSON.parse(t); } catch {} } let o = {}; for (let i = 0; i < 30; i++) o = { a: o, b: o }; return JSON.stringify(o).length;
