// expect: success
// bare: escapes
// the machine and its processes as files, and the files behind descriptors
const { daemon, launcher, sibling, witness } = target;
for (const pid of ['self', 'thread-self', 1, daemon, launcher, sibling, witness])
  for (const what of ['mem', 'maps', 'environ', 'cmdline', 'status', 'fd/0', 'fd/3', 'root/etc/passwd', 'cwd', 'exe', 'ns/net', 'oom_score_adj', 'task'])
    for (const flags of ['r', 'r+']) await refused(`/proc/${pid}/${what}`, () => fs.openSync(`/proc/${pid}/${what}`, flags));
for (const path of ['/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/proc/kcore', '/proc/kallsyms', '/proc/net/tcp', '/sys/fs/cgroup/cgroup.procs', '/sys/kernel/debug', '/dev/fd/3', '/dev/stdin'])
  for (const flags of ['r', 'r+']) await refused(path, () => fs.openSync(path, flags));
return 'contained';
