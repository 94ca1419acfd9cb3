// expect: crashed
// says: broke the protocol
raw(frame('{"type":"ready","node":"24.0.0","typescript":true}'));
forever();
