// expect: success,error
// Code that answers its own calls: a patched JSON.parse, a then on every object, a Response of its own
JSON.parse = () => ({ id: 1, value: { status: 200, status_text: "forged", headers: [], body: null } });
Object.prototype.then = function (resolve) { resolve("forged"); };
Object.defineProperty(Object.prototype, "value", { configurable: true, get() { return { status: 200, status_text: "forged", headers: [], body: null }; } });
let end;
try { end = await fetch("http://127.0.0.1:8/"); } catch (error) { end = error; }
return end === "forged" || end instanceof Error ? "contained" : "ESCAPED: an answer that nobody gave";
