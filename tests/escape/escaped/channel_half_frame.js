// expect: timeout
// a frame that never ends
raw(header(50), Buffer.from('{'));
await sleep(1e6);
