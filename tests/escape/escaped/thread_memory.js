// expect: success
// twenty more heaps of their own: a second Node in the process does not come to be
const { Worker } = require('worker_threads');
const eat = 'const kept = []; for (;;) kept.push(new Uint8Array(1e6).fill(1));';
for (let i = 0; i < 20; i++) await refused(`heap ${i}`, () => event(new Worker(eat, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 4096 } }), 'exit'), 'ERR_WORKER_INIT_FAILED');
return 'contained';
