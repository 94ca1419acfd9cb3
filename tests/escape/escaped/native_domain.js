// expect: crashed
// says: forbidden system call
// a Landlock domain of its own making
native.restrictFiles(Buffer.alloc(8));
escaped('another domain');
