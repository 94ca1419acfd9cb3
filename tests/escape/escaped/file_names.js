// expect: success
// bare: escapes
// names made, moved and taken away
const inside = (name) => `${target.folder}/${name}`;
await refused('symlink', () => fs.symlinkSync('/etc/passwd', inside('escaped-symlink')));
await refused('link', () => fs.linkSync(target.file, inside('escaped-link')));
await refused('rename', () => fs.renameSync(target.file, inside('escaped-renamed')));
await refused('unlink', () => fs.unlinkSync(target.file));
await refused('mkdir', () => fs.mkdirSync(inside('escaped-folder')));
await refused('mkdir deep', () => fs.mkdirSync(inside('escaped-a/b/c'), { recursive: true }));
await refused('mkdtemp', () => fs.mkdtempSync(inside('escaped-')));
await refused('rmdir', () => fs.rmdirSync(target.folder));
await refused('copyFile', () => fs.copyFileSync(target.file, inside('escaped-copy')));
await refused('cp', () => fs.promises.cp(target.file, inside('escaped-cp')));
await refused('unlink later', () => fs.promises.unlink(target.file));
return 'contained';
