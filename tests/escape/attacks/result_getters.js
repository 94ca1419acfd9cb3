// expect: error,success
// getters on the result throw, redefine the result and print
let n = 0; Object.defineProperty(results, "a", { enumerable: true, get() { console.log("read"); results = { forged: 1 }; if (n++) throw new Error("twice"); return { get b() { delete globalThis.results; return n; } }; } });
