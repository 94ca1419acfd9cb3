// expect: success
// CallSites of our own frames, seen from a prepareStackTrace that runs inside console and result encoding
const bad = (w) => { throw new Error("ESCAPED: " + w); };
const isNode = (x) => x && typeof x === "object" && (typeof x.reallyExit === "function" || typeof x.binding === "function" || (x.versions && x.versions.v8));
const look = (o, where) => { try { if (isNode(o)) bad(where); for (const k of ["process", "require", "mainModule", "_load", "domain", "spawn"]) { const v = o[k]; if (isNode(v) || (k !== "domain" && typeof v === "function")) bad(where + "." + k); } } catch (e) { if (String(e && e.message).startsWith("ESCAPED")) throw e; } };
let seen = 0;
Error.prepareStackTrace = (e, sites) => {
  for (const c of sites) {
    seen++;
    for (const g of ["getThis", "getFunction", "getTypeName", "getEvalOrigin", "getFileName"]) { let v; try { v = c[g](); } catch { continue; } if (v && typeof v !== "string") look(v, g); if (typeof v === "string" && v.startsWith("/")) bad("a path: " + v); }
  }
  return "s";
};
const o = { get [Symbol.toStringTag]() { new Error("x").stack; return "T"; }, toJSON() { return new Error("y").stack; } };
console.log(o, new Error("q"), "%s %o", o);
setTimeout(() => new Error("t").stack, 0); queueMicrotask(() => new Error("m").stack); await new Promise((r) => setTimeout(r, 5));
results.o = o; results.seen = seen > 0;
