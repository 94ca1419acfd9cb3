// expect: crashed
// says: broke the protocol
// arguments longer than any that were granted
raw(frame(`{"type":"host_call","id":1,"capability":"fetch","method":"request","args":"${'A'.repeat(16 << 20)}"}`));
forever();
