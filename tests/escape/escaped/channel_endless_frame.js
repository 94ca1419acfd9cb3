// expect: crashed
// says: broke the protocol
raw(frame(`{"type":"log","level":"log","text":"${'x'.repeat(8 << 20)}"}`));
forever();
