// expect: success
// bare: escapes
// signals without process.kill around them
const methods = internalBinding('process_methods');
for (const pid of [target.witness, target.sibling, target.daemon, -1]) {
  refusedByNumber(`_kill ${pid}`, process._kill(pid, 12));
  refusedByNumber(`methods ${pid}`, methods._kill(pid, 12));
  await refused(`debug ${pid}`, () => process._debugProcess(pid), 'EPERM');
}
return 'contained';
