// expect: crashed
// says: broke the protocol
// numbers that are none
raw(frame(`{"type":"host_call","id":1e999,"capability":"fetch","method":"abort","args":{"id":1}}`));
forever();
