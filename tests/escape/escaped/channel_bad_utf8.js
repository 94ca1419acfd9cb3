// expect: crashed
// says: broke the protocol
raw(frame(Buffer.concat([Buffer.from('{"type":"done","value":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])));
forever();
