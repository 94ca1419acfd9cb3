// expect: success
// bare: escapes
// every way that Node has of reading a file: the machine's, its own, the witness's
const paths = ['/etc/passwd', '/etc/hostname', '/proc/self/status', process.execPath, target.harness, target.file, '/dev/null', '/'];
for (const path of paths) {
  await refused(`readFileSync ${path}`, () => fs.readFileSync(path));
  await refused(`open ${path}`, () => fs.openSync(path, fs.constants.O_PATH | fs.constants.O_RDONLY));
  await refused(`promises ${path}`, () => fs.promises.readFile(path));
  await refused(`stream ${path}`, () => event(fs.createReadStream(path), 'open'));
}
return 'contained';
