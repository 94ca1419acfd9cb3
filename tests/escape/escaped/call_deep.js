// expect: crashed
// says: broke the protocol
// arguments nested so deep that whoever decodes them would recurse along
raw(frame(`{"type":"host_call","id":1,"capability":"fetch","method":"request","args":${'['.repeat(5e4)}${']'.repeat(5e4)}}`));
forever();
