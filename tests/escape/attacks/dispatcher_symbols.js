// expect: success
// undici and Node leave registered symbols on globalThis; one leads to an Agent and its EventEmitter
const bad = (w) => { throw new Error("ESCAPED: " + w); };
const isNode = (x) => x && typeof x === "object" && (typeof x.reallyExit === "function" || typeof x.binding === "function" || (x.versions && x.versions.v8));
const look = (o, where) => { try { if (isNode(o)) bad(where); for (const k of ["process", "require", "mainModule", "_load", "domain", "spawn"]) { const v = o[k]; if (isNode(v) || (k !== "domain" && typeof v === "function")) bad(where + "." + k); } } catch (e) { if (String(e && e.message).startsWith("ESCAPED")) throw e; } };
for (const s of Reflect.ownKeys(globalThis)) { if (typeof s !== "symbol" || s === Symbol.toStringTag) continue; if (globalThis[s] !== undefined) bad(String(s)); }
for (const n of ["undici.globalDispatcher.1", "undici.globalOrigin.1", "nodejs.disposer", "kDispatcher"]) { const d = globalThis[Symbol.for(n)]; if (d) { look(d, n); look(Object.getPrototypeOf(d), n); bad(n); } }
return "contained";
