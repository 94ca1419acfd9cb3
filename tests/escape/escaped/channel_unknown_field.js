// expect: crashed
// says: broke the protocol
raw(frame('{"type":"done","value":1,"status":"succeeded","usage":{"cpu_ms":0}}'));
forever();
