// expect: success,error
// poisoned prototypes while the harness formats, encodes and answers
const boom = { configurable: true, get() { throw new Error("poison"); }, set() { throw new Error("poison"); } };
for (const k of ["type", "value", "kind", "name", "message", "length", "0", "1", "limits", "result_bytes", "depth", "then", "toJSON", "level", "text", "filename", "get", "enumerable", "json", "failure"]) { try { Object.defineProperty(Object.prototype, k, boom); } catch {} }
try { Object.defineProperty(Array.prototype, Symbol.iterator, boom); Object.defineProperty(String.prototype, "toWellFormed", boom); Object.defineProperty(RegExp.prototype, "exec", boom); } catch {} console.log("still", 1); return 7;
