// expect: success
// bare: escapes
// WASI hands folders of the machine to WebAssembly
const { WASI } = require('wasi');
for (const path of ['/', '/tmp', target.folder]) await refused(`preopen ${path}`, () => new WASI({ version: 'preview1', preopens: { '/': path } }), 'UVWASI_EPERM', 'EPERM');
return 'contained';
