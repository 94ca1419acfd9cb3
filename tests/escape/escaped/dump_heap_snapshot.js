// expect: success
// bare: escapes
// the heap as a file
const v8 = require('v8');
await refused('writeHeapSnapshot', () => v8.writeHeapSnapshot(`${target.folder}/escaped.heapsnapshot`));
await refused('a default name', () => v8.writeHeapSnapshot());
return 'contained';
