// expect: success,error
// console and timers called with almost no stack left: a half-written frame would break the protocol
let n = 0; const o = { toString() { return "o".repeat(100); }, get x() { return n; } };
const f = (d) => { n = d; try { f(d + 1); } catch { } try { console.log("deep", d, o, [d], { d }); } catch { } try { structuredClone({ d }); setTimeout(() => {}, 0); performance.now(); } catch { } };
const g = () => { try { g(); } finally { try { console.log("edge"); } catch {} } };
try { g(); } catch {} let k = 0; const h = () => { if (k++ < 1e5) { try { return h(); } catch (e) { console.log("x"); throw e; } } }; try { h(); } catch {} const i = (d) => { try { i(d + 1); } catch { if (d % 50 === 0) try { console.log(d); } catch {} throw 1; } }; try { i(0); } catch {} results.ok = 1;
