// expect: success,error
// Calls that are open when the code has ended, and callbacks that would go on
for (let i = 0; i < 50; i++) fetch("http://127.0.0.1:8/" + i).finally(() => { for (;;); });
queueMicrotask(() => fetch("http://127.0.0.1:8/late"));
return "contained";
