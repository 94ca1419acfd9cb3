// expect: success
// a thousand of what could multiply
const { spawn, spawnSync } = require('child_process');
let refusals = 0;
for (let i = 0; i < 500; i++) {
  if (spawnSync(process.execPath, ['-e', '0']).error?.code === 'EPERM') refusals++;
  try { spawn(process.execPath, ['-e', '0']); } catch (e) { if (e.code === 'EPERM') refusals++; }
}
if (refusals !== 1000) escaped(`${1000 - refusals} processes`);
return 'contained';
