// expect: timeout
// there is no second request to be read, of nobody's
native.readFrame(3, 1 << 20);
escaped('another request');
