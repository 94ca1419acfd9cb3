// expect: success
// bare: escapes
// where anybody may write, by every flag; and a file without a name
const { O_RDWR, O_WRONLY, O_APPEND, O_CREAT, O_TRUNC, O_DIRECTORY } = fs.constants, O_TMPFILE = 0o20000000 | O_DIRECTORY;
for (const path of [`${target.folder}/escaped`, target.file, '/tmp/escaped', '/dev/shm/escaped', '/var/tmp/escaped', 'escaped', '/dev/null', target.harness]) {
  for (const flags of ['w', 'wx', 'a', 'r+', 'as', O_RDWR, O_WRONLY | O_APPEND, O_CREAT, O_TRUNC]) await refused(`open ${path} ${flags}`, () => fs.openSync(path, flags, 0o666));
  await refused(`writeFileSync ${path}`, () => fs.writeFileSync(path, 'x'));
  await refused(`appendFile ${path}`, () => fs.promises.appendFile(path, 'x'));
  await refused(`stream ${path}`, () => event(fs.createWriteStream(path), 'open'));
}
for (const folder of [target.folder, '/tmp', '/']) await refused(`tmpfile ${folder}`, () => fs.openSync(folder, O_TMPFILE | O_RDWR, 0o666));
return 'contained';
