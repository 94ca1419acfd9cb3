// expect: timeout
// an event loop that never turns
const again = () => process.nextTick(again);
again();
await sleep(1e6);
