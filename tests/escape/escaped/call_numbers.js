// expect: crashed
// says: broke the protocol
// the number of another call, which has its answer already
const call = frame('{"type":"host_call","id":1,"capability":"fetch","method":"abort","args":{"id":1}}');
raw(call);
native.readFrame(3, 1 << 20);
raw(call);
forever();
