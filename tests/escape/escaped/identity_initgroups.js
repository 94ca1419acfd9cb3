// expect: crashed,success
// the user's groups would be read from files first
await refused('initgroups', () => process.initgroups(process.getuid(), 0), 'ERR_UNKNOWN_CREDENTIAL', 'EPERM');
return 'contained';
