// expect: error,success,timeout,memory_limit
// Twenty thousand fetches that nobody awaits: the channel must not break, nor the daemon work for more than the grant allows
let refused = 0;
for (let i = 0; i < 20_000; i++) fetch("http://127.0.0.1:8/" + i).catch(() => { refused++; });
await new Promise((done) => setTimeout(done, 500));
return refused;
