// expect: success,crashed,memory_limit,timeout
// a thousand threads that never end
const { Worker } = require('worker_threads');
const ends = [];
for (let i = 0; i < 1000; i++) {
  let worker;
  try { worker = new Worker('for (;;);', { eval: true, resourceLimits: { maxOldGenerationSizeMb: 2, stackSizeMb: 1 } }); } catch { continue; }
  ends.push(new Promise((resolve) => worker.on('error', resolve).on('exit', resolve)));
}
await Promise.all(ends);
return 'contained';
