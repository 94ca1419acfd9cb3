// expect: success,error
// import() by every way that compiles code
const bad = (w) => { throw new Error("ESCAPED: " + w); };
const isNode = (x) => x && typeof x === "object" && (typeof x.reallyExit === "function" || typeof x.binding === "function" || (x.versions && x.versions.v8));
const look = (o, where) => { try { if (isNode(o)) bad(where); for (const k of ["process", "require", "mainModule", "_load", "domain", "spawn"]) { const v = o[k]; if (isNode(v) || (k !== "domain" && typeof v === "function")) bad(where + "." + k); } } catch (e) { if (String(e && e.message).startsWith("ESCAPED")) throw e; } };
const tries = [() => import("node:fs"), () => eval("import('node:fs')"), () => Function("return import('node:fs')")(), () => (async () => {}).constructor("return import('node:fs')")(), () => import("data:text/javascript,export default 1"), () => import("node:process", { with: {} }), () => import({ toString: () => "node:os" }), () => new (function* () {}.constructor)("yield import('fs')")().next().value];
for (const f of tries) { try { const m = await f(); if (m && (m.readFileSync || m.default || m.cpus)) bad(String(f)); } catch (e) { if (String(e && e.message).startsWith("ESCAPED")) throw e; } } return "contained";
