// expect: success
// listeners, signals and timers: what stands in `this` and behind symbols of events
const bad = (w) => { throw new Error("ESCAPED: " + w); };
const isNode = (x) => x && typeof x === "object" && (typeof x.reallyExit === "function" || typeof x.binding === "function" || (x.versions && x.versions.v8));
const look = (o, where) => { try { if (isNode(o)) bad(where); for (const k of ["process", "require", "mainModule", "_load", "domain", "spawn"]) { const v = o[k]; if (isNode(v) || (k !== "domain" && typeof v === "function")) bad(where + "." + k); } } catch (e) { if (String(e && e.message).startsWith("ESCAPED")) throw e; } };
const seen = []; const t = new EventTarget(); const once = new Promise((r) => t.addEventListener("x", function (e) { seen.push(this, e); for (const s of Object.getOwnPropertySymbols(e)) { try { seen.push(e[s]); } catch {} } r(); })); t.dispatchEvent(new Event("x")); await once;
await new Promise((r) => setTimeout(function () { seen.push(this, ...arguments); r(); }, 1)); const s = AbortSignal.timeout(1); await new Promise((r) => { s.onabort = function (e) { seen.push(this, e, s.reason); r(); }; });
for (const o of seen) for (let p = Object(o) === o ? o : null, n = 0; p && n < 10; p = Object.getPrototypeOf(p), n++) { look(p, "event"); for (const k of Reflect.ownKeys(p)) { let v; try { v = p[k]; } catch { continue; } look(v, "event." + String(k)); } }
return "contained";
