// expect: success
// every signal to those it could know of: parent, launcher, daemon, a sibling, a process of the same user, init
const { signals } = require('os').constants;
const { launcher, daemon, sibling, witness } = target;
for (const pid of [process.ppid || 1e6, launcher, daemon, sibling, witness, -launcher, -daemon, -witness, 2, 99999])
  for (const [name, number] of [['none', 0], ...Object.entries(signals)]) await refused(`${name} to ${pid}`, () => process.kill(pid, number));
return 'contained';
