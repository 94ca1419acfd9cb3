// expect: crashed
// says: forbidden system call
process.setegid(0);
escaped('setegid came back');
