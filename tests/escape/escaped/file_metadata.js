// expect: success
// bare: escapes
// what is said about a file, by path and by the descriptors that are there
for (const path of [target.file, target.folder, '/', '/dev/null', target.harness]) {
  await refused(`chmod ${path}`, () => fs.chmodSync(path, 0o4777));
  await refused(`chown ${path}`, () => fs.chownSync(path, process.getuid(), process.getgid()));
  await refused(`lchown ${path}`, () => fs.lchownSync(path, process.getuid(), process.getgid()));
  await refused(`utimes ${path}`, () => fs.utimesSync(path, 1, 1));
  await refused(`truncate ${path}`, () => fs.truncateSync(path, 0));
}
for (const fd of [0, 1, 2, 3]) {
  await refused(`fchmod ${fd}`, () => fs.fchmodSync(fd, 0o777));
  await refused(`fchown ${fd}`, () => fs.fchownSync(fd, process.getuid(), process.getgid()));
  await refused(`futimes ${fd}`, () => fs.futimesSync(fd, 1, 1));
  await refused(`ftruncate ${fd}`, () => fs.ftruncateSync(fd, 0));
  await refused(`fsync ${fd}`, () => fs.fsyncSync(fd));
}
return 'contained';
