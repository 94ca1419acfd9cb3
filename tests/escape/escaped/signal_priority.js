// expect: success
// who goes first, its own and others'
const os = require('os');
for (const pid of [0, process.pid, target.witness, target.sibling]) for (const priority of [-20, 19]) await refused(`${pid} ${priority}`, () => os.setPriority(pid, priority), 'ERR_SYSTEM_ERROR');
return 'contained';
