// expect: success
// bare: escapes
// what is there at all: nothing may be told, not even that a name exists
for (const path of ['/', '/etc/passwd', '/tmp', '/proc', target.folder, target.file, '/root/.ssh']) {
  await refused(`stat ${path}`, () => fs.statSync(path));
  await refused(`lstat ${path}`, () => fs.promises.lstat(path));
  await refused(`access ${path}`, () => fs.accessSync(path));
  await refused(`readdir ${path}`, () => fs.readdirSync(path));
  await refused(`opendir ${path}`, () => fs.opendirSync(path));
  await refused(`readlink ${path}`, () => fs.readlinkSync(path));
  await refused(`statfs ${path}`, () => fs.statfsSync(path));
  if (path !== '/') await refused(`native realpath ${path}`, () => fs.realpathSync.native(path));
  await refused(`watch ${path}`, () => fs.watch(path));
  if (fs.existsSync(path)) escaped(`${path} exists`);
}
await refused('fstat', () => fs.fstatSync(0));
return 'contained';
