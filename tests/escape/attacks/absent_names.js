// expect: success
// names that would hand out a process, a thread, a socket or a file
const bad = (w) => { throw new Error("ESCAPED: " + w); };
const isNode = (x) => x && typeof x === "object" && (typeof x.reallyExit === "function" || typeof x.binding === "function" || (x.versions && x.versions.v8));
const look = (o, where) => { try { if (isNode(o)) bad(where); for (const k of ["process", "require", "mainModule", "_load", "domain", "spawn"]) { const v = o[k]; if (isNode(v) || (k !== "domain" && typeof v === "function")) bad(where + "." + k); } } catch (e) { if (String(e && e.message).startsWith("ESCAPED")) throw e; } };
for (const n of ["process", "require", "module", "exports", "__dirname", "__filename", "global", "setImmediate", "clearImmediate", "Worker", "BroadcastChannel", "MessageChannel", "WebSocket", "EventSource", "PerformanceObserver", "localStorage", "sessionStorage", "ShadowRealm", "gc", "internalBinding", "primordials", "Storage", "Deno", "Bun"]) if (globalThis[n] !== undefined) bad(n);
for (const k of Object.getOwnPropertyNames(globalThis)) look(globalThis[k], k);
if (navigator.locks) bad("locks"); return "contained";
