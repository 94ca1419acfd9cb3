// expect: crashed
// says: broke the protocol
raw(frame(`{"type":"done","value":"${'x'.repeat(1.5e6)}"}`));
forever();
