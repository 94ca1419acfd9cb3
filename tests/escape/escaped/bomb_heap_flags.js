// expect: memory_limit,crashed
// the heap's own limit lifted from inside: the kernel's stays
require('v8').setFlagsFromString('--max-old-space-size=8000');
require('v8').setFlagsFromString('--max-heap-size=8000');
const kept = [];
for (;;) kept.push(Array.from({ length: 10000 }, (_, i) => ({ i })));
