// expect: success
// bare: escapes
// devices: memory, consoles, terminals, virtual machines, and those that are harmless elsewhere
for (const name of ['null', 'zero', 'full', 'random', 'mem', 'kmsg', 'ptmx', 'pts/0', 'tty', 'console', 'kvm', 'fuse', 'net/tun', 'loop-control', 'vhost-net', 'shm/escaped', 'mqueue/escaped', 'userfaultfd'])
  for (const flags of ['r', 'r+']) await refused(name, () => fs.openSync(`/dev/${name}`, flags));
return 'contained';
