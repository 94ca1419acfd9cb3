// expect: success
// bare: escapes
// one signal that a process of the same user would take note of
await refused('SIGUSR2', () => process.kill(target.witness, 'SIGUSR2'));
return 'contained';
