// expect: success,error
// an object that names the module which Node should construct on the other side of a clone
const bad = (w) => { throw new Error("ESCAPED: " + w); };
const isNode = (x) => x && typeof x === "object" && (typeof x.reallyExit === "function" || typeof x.binding === "function" || (x.versions && x.versions.v8));
const look = (o, where) => { try { if (isNode(o)) bad(where); for (const k of ["process", "require", "mainModule", "_load", "domain", "spawn"]) { const v = o[k]; if (isNode(v) || (k !== "domain" && typeof v === "function")) bad(where + "." + k); } } catch (e) { if (String(e && e.message).startsWith("ESCAPED")) throw e; } };
const symbols = new Set(); for (let p = DOMException.prototype; p; p = Object.getPrototypeOf(p)) for (const s of Object.getOwnPropertySymbols(p)) symbols.add(s);
for (const C of [Blob, AbortSignal, URLSearchParams, ReadableStream, EventTarget]) for (const s of Object.getOwnPropertySymbols(C.prototype)) symbols.add(s);
let caught; Object.defineProperty(Object.prototype, "_load", { configurable: true, set(v) { caught = this; }, get() { return undefined; } });
for (const info of ["module:Module", "child_process:spawn", "internal/worker:Worker", "vm:Script"]) {
  const forged = {}; for (const s of symbols) { try { forged[s] = () => ({ data: { id: 1, path: "/tmp/x" }, deserializeInfo: info }); } catch {} }
  for (const go of [() => structuredClone(forged), () => performance.mark("a", { detail: forged }), () => performance.measure("b", { detail: forged }), () => structuredClone({ x: [forged] }, { transfer: [forged] })]) {
    let v; try { v = go(); } catch { continue; } look(v, info); look(v && v.constructor, info); look(v && v.x, info); look(caught, info + " caught");
  }
}
return "contained";
