// expect: timeout
// half a host call, for which nobody may wait but its own execution
raw(header(100), Buffer.from('{"type":"host_call","id":1,'));
forever();
