// expect: success,error,timeout
// a setter on Object.prototype catches the zlib stream in a CompressionStream, its emit is patched to be handed process
const bad = (w) => { throw new Error("ESCAPED: " + w); };
const isNode = (x) => x && typeof x === "object" && (typeof x.reallyExit === "function" || typeof x.binding === "function" || (x.versions && x.versions.v8));
const look = (o, where) => { try { if (isNode(o)) bad(where); for (const k of ["process", "require", "mainModule", "_load", "domain", "spawn"]) { const v = o[k]; if (isNode(v) || (k !== "domain" && typeof v === "function")) bad(where + "." + k); } } catch (e) { if (String(e && e.message).startsWith("ESCAPED")) throw e; } };
let caught = []; for (const k of ["_writeState", "_handle", "_events", "domain", "_readableState", "_writableState"]) Object.defineProperty(Object.prototype, k, { configurable: true, get() { return undefined; }, set(v) { caught.push(this); Object.defineProperty(this, k, { value: v, writable: true, configurable: true }); } });
try { const c = new CompressionStream("gzip"); const w = c.writable.getWriter(); w.write(new Uint8Array(100)).catch(() => {}); w.close().catch(() => {}); await new Response(c.readable).arrayBuffer().catch(() => {}); } catch {}
let got; for (const s of caught) for (let p = s; p && p !== Object.prototype; p = Object.getPrototypeOf(p)) { look(p, "stream"); if (Object.hasOwn(p, "emit")) { const e = p.emit; try { p.emit = function (...args) { got ??= this; look(this, "emit"); return Reflect.apply(e, this, args); }; } catch {} } }
Promise.reject(1).catch(() => {}); await null; look(got, "got"); return "contained " + (caught.length > 0);
