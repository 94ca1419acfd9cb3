// expect: crashed
// says: broke the protocol
raw(require('crypto').randomBytes(65536));
forever();
