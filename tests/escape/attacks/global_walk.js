// expect: success,timeout
// a walk over everything that can be reached by properties, prototypes and accessors from the globals
const bad = (w) => { throw new Error("ESCAPED: " + w); };
const isNode = (x) => x && typeof x === "object" && (typeof x.reallyExit === "function" || typeof x.binding === "function" || (x.versions && x.versions.v8));
const look = (o, where) => { try { if (isNode(o)) bad(where); for (const k of ["process", "require", "mainModule", "_load", "domain", "spawn"]) { const v = o[k]; if (isNode(v) || (k !== "domain" && typeof v === "function")) bad(where + "." + k); } } catch (e) { if (String(e && e.message).startsWith("ESCAPED")) throw e; } };
const seen = new Set(), todo = [globalThis]; let n = 0;
while (todo.length && n++ < 2e4) { const o = todo.pop(); if (isNode(o)) bad("at " + n); for (const k of Reflect.ownKeys(o)) { let d; try { d = Reflect.getOwnPropertyDescriptor(o, k); } catch { continue; } for (const v of [d.value, d.get, d.set]) if (v && (typeof v === "object" || typeof v === "function") && !seen.has(v)) { seen.add(v); todo.push(v); } } let p = null; try { p = Object.getPrototypeOf(o); } catch {} if (p && !seen.has(p)) { seen.add(p); todo.push(p); } }
return seen.size > 500;
