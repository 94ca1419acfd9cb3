// expect: crashed
// says: forbidden system call
process.setuid(0);
escaped('setuid came back');
