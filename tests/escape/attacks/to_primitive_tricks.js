// expect: success
// Symbol.toPrimitive, toString and inspect.custom that recurse, throw and return the wrong kind, in every console position
const bad = (w) => { throw new Error("ESCAPED: " + w); };
const isNode = (x) => x && typeof x === "object" && (typeof x.reallyExit === "function" || typeof x.binding === "function" || (x.versions && x.versions.v8));
const look = (o, where) => { try { if (isNode(o)) bad(where); for (const k of ["process", "require", "mainModule", "_load", "domain", "spawn"]) { const v = o[k]; if (isNode(v) || (k !== "domain" && typeof v === "function")) bad(where + "." + k); } } catch (e) { if (String(e && e.message).startsWith("ESCAPED")) throw e; } };
const t = { [Symbol.toPrimitive](h) { console.log("hint", h); return h === "number" ? 1n : Symbol("s"); }, toString() { throw t; }, valueOf() { return t; } };
const custom = { [Symbol.for("nodejs.util.inspect.custom")](depth, options, inspect) { look(options, "options"); look(inspect, "inspect"); for (const k of Reflect.ownKeys(options || {})) look(options[k], "options." + String(k)); return custom; } };
for (const f of ["%s", "%d", "%i", "%f", "%j", "%o", "%O", "%c", "%%", "%x"]) { console.log(f, t); console.log(f, custom); console.log(f, Symbol("a"), 1n, null, undefined, Object.create(null)); }
console.log(t, custom, [t], { t }, new Proxy(t, { get() { throw 1; } })); console.count(t); console.time(t); console.timeEnd(t); console.group(t); console.assert(false, t); console.table(t); return 1;
