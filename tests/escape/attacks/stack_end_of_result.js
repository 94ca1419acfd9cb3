// expect: error,success
// the result is read with almost no stack left
const deep = (n) => (n ? { get a() { return deep(n - 1); } } : 1); return { toJSON() { const f = () => { try { return f(); } catch { return deep(1e5); } }; return f(); } };
