// expect: success
// bare: escapes
// another program with as little around it as there is
const { ChildProcess } = require('child_process');
const program = { file: process.execPath, args: ['node', '-e', 'setTimeout(() => {}, 500)'], envPairs: [] };
const told = internalBinding('spawn_sync').spawn({ ...program, stdio: Array.from({ length: 3 }, () => ({ type: 'ignore' })) });
refusedByNumber('spawn_sync', told.error ?? told.pid);
await refused('ChildProcess', () => { const child = new ChildProcess(); refusedByNumber('ChildProcess', child.spawn({ ...program, stdio: 'ignore' })); return child.pid; });
return 'contained';
