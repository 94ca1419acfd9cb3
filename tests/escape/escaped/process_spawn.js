// expect: success
// bare: escapes
// another program, by every function that starts one; the program is there, it is our own
const { spawn, spawnSync, exec, execSync, execFile, execFileSync, fork } = require('child_process');
const program = process.execPath, args = ['-e', 'setTimeout(() => {}, 500)'];
const thrown = (told) => { if (told.error) throw told.error; return told.pid; };
await refused('spawn', () => event(spawn(program, args), 'exit'));
await refused('detached', () => event(spawn(program, args, { detached: true, stdio: 'ignore' }), 'exit'));
await refused('spawnSync', () => thrown(spawnSync(program, args)));
await refused('as root', () => thrown(spawnSync(program, args, { uid: 0, gid: 0 })));
await refused('with a shell', () => thrown(spawnSync('true', { shell: true })));
await refused('exec', () => event(exec('true'), 'exit'));
await refused('execSync', () => execSync('true'));
await refused('execFile', () => event(execFile(program, args), 'exit'));
await refused('execFileSync', () => execFileSync(program, args));
await refused('fork', () => event(fork(target.harness), 'spawn'));
return 'contained';
