// expect: success,error,timeout
// Promise and its prototype replaced while the answer is awaited
Promise.prototype.then = function () { return this; }; Promise.resolve = () => { throw 1; }; Object.defineProperty(Promise.prototype, "constructor", { get() { throw 2; } }); Object.defineProperty(Promise, Symbol.species, { get() { throw 3; } }); globalThis.Promise = null; await null; Object.prototype.then = function (f) { f("forged"); }; return { a: 1 };
