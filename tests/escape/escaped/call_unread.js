// expect: timeout,crashed
// answers that nobody reads: they must wait for nobody but this worker
const calls = Array.from({ length: 200 }, (_, i) => frame(`{"type":"host_call","id":${i + 1},"capability":"${'x'.repeat(64)}","method":"m","args":null}`));
raw(...calls);
forever();
