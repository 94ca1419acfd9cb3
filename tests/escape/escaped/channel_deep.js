// expect: crashed
// says: broke the protocol
// nested as deep as the frame is long: no decoder may recurse along
raw(frame(`{"type":"done","value":${'['.repeat(5e4)}${']'.repeat(5e4)}}`));
forever();
