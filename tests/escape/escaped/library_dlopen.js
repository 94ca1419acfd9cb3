// expect: success
// bare: escapes
// machine code from a file: Node's own door, the crypto library's, and modules
const { dlopen } = require('os').constants;
for (const path of [target.library, target.file, '/usr/lib/x86_64-linux-gnu/libutil.so.1'])
  for (const flags of [dlopen.RTLD_NOW, dlopen.RTLD_LAZY | dlopen.RTLD_GLOBAL]) await refused(path, () => process.dlopen({ exports: {} }, path, flags), 'ERR_DLOPEN_FAILED');
return 'contained';
