// expect: error
// thousands of errors thrown in timers, microtasks, listeners and rejections at once
for (let i = 0; i < 2000; i++) { setTimeout(() => { throw new Error("t" + i); }); queueMicrotask(() => { throw new Error("m" + i); }); Promise.reject(new Error("r" + i)); } const e = new EventTarget(); e.addEventListener("x", () => { throw new Error("l"); }); e.dispatchEvent(new Event("x")); reportError(new Error("reported")); await new Promise((r) => setTimeout(r, 100)); return 1;
