// expect: crashed
// says: broke the protocol
// a header that promises two gigabytes
raw(Buffer.from([0x7f, 0xff, 0xff, 0xff]));
forever();
