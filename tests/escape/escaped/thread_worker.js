// expect: success,crashed
// bare: escapes
// a thread with a Node of its own is behind the same filter, or does not come to be
const { Worker } = require('worker_threads');
const code = `
const fs = require('fs'), net = require('net'), { parentPort, workerData } = require('worker_threads');
const gave = [];
for (const [what, attempt] of Object.entries({
  read: () => fs.readFileSync('/etc/passwd'), write: () => fs.writeFileSync(workerData.folder + '/escaped', 'x'),
  spawn: () => { const told = require('child_process').spawnSync(process.execPath, ['-e', '0']); if (told.error) throw told.error; },
  kill: () => process.kill(workerData.witness, 'SIGUSR2'),
})) try { attempt(); gave.push(what); } catch {}
net.connect(workerData.tcp, '127.0.0.1').on('connect', () => gave.push('connect')).on('error', () => {}).on('close', () => parentPort.postMessage(gave));`;
const worker = new Worker(code, { eval: true, workerData: target });
const gave = await new Promise((resolve) => worker.on('message', resolve).on('error', () => resolve([])).on('exit', () => resolve([])));
if (gave.length) escaped(gave.join());
return 'contained';
