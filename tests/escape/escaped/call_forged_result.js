// expect: crashed
// says: broke the protocol
// a message of the other direction
raw(frame('{"type":"host_result","id":1,"value":{"status":200}}'));
forever();
