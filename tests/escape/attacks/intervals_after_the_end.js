// expect: success
// intervals and loops that outlive the answer
setInterval(() => console.log("late"), 0); (async () => { for (;;) { await null; if (globalThis.__never) break; await new Promise((r) => setTimeout(r, 0)); } })(); return "done";
