// expect: success
// every signal to every process: -1 would reach all of this user's, the daemon's included
const { signals } = require('os').constants;
for (const pid of [-1, 0, -process.pid])
  for (const [name, number] of [['none', 0], ...Object.entries(signals)]) await refused(`${name} to ${pid}`, () => process.kill(pid, number));
return 'contained';
