// expect: success
// where it stands, and what it would leave behind
await refused('chdir', () => process.chdir(target.folder));
await refused('umask', () => process.umask(0) + fs.openSync(`${target.folder}/escaped`, 'w', 0o4777));
return 'contained';
