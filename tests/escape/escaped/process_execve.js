// expect: success,crashed
// another program in the same process: Node first asks that descriptors be kept, and is refused that already
await refused('execve', () => process.execve(process.execPath, ['node', '-e', '0'], {}));
return 'contained';
