// expect: crashed
// says: forbidden system call
process.setgroups([0]);
escaped('setgroups came back');
