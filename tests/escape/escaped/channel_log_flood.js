// expect: crashed
// says: broke the protocol
// output that no harness counts
const line = frame(`{"type":"log","level":"log","text":"${'x'.repeat(10000)}"}`);
for (;;) raw(line);
