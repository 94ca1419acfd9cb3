// expect: crashed
// says: broke the protocol
raw(frame('{"type":"shutdown"}'));
forever();
