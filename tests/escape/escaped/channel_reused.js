// expect: crashed
// every descriptor closed: nothing may take the channel's number
for (let fd = 0; fd < 64; fd++) try { fs.closeSync(fd); } catch {}
for (const path of ['/dev/null', target.file]) await refused(path, () => fs.openSync(path));
native.exit(9);
