// expect: success,crashed
// the test runner starts a process for each file
const stream = require('node:test').run({ files: [target.harness], concurrency: 4, cwd: '/' });
stream.on('error', () => {});
await Promise.race([new Promise((resolve) => stream.on('end', resolve).resume()), sleep(500)]);
return 'contained';
