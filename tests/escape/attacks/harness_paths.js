// expect: success
// texts of errors and functions must not tell where this machine keeps things
const bad = (w) => { throw new Error("ESCAPED: " + w); };
const isNode = (x) => x && typeof x === "object" && (typeof x.reallyExit === "function" || typeof x.binding === "function" || (x.versions && x.versions.v8));
const look = (o, where) => { try { if (isNode(o)) bad(where); for (const k of ["process", "require", "mainModule", "_load", "domain", "spawn"]) { const v = o[k]; if (isNode(v) || (k !== "domain" && typeof v === "function")) bad(where + "." + k); } } catch (e) { if (String(e && e.message).startsWith("ESCAPED")) throw e; } };
const said = []; for (const f of [() => structuredClone(() => {}), () => new URL("::"), () => atob("%"), () => console.log.call(1), () => new Blob(1), () => setTimeout(1), () => new TextDecoder("x"), () => crypto.getRandomValues(1), () => performance.mark(Symbol()), () => new Headers([[1]]), () => WebAssembly.compile(1), () => fetch(Symbol())]) { try { await f(); } catch (e) { said.push(e.stack, e.message); } }
for (const f of [console.log, setTimeout, fetch, structuredClone, reportError]) said.push(String(f)); for (const s of said) if (/\/(?:home|work|usr|tmp|root|opt|var)\/|node_modules|site-packages/.test(String(s))) bad("a path: " + s); return "contained";
