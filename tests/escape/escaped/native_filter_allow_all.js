// expect: crashed
// says: forbidden system call
// a filter that allows everything, on top: the strictest would win, and asking is forbidden
native.installFilter(Buffer.from([0x06, 0, 0, 0, 0, 0, 0xff, 0x7f]));
escaped('another filter');
