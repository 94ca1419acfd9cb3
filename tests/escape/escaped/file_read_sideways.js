// expect: success
// bare: escapes
// parts of Node that read a file on the way to something else
const { createRequire } = require('module');
await refused('loadEnvFile', () => process.loadEnvFile(target.file), 'EPERM', 'ENOENT');
await refused('openAsBlob', async () => (await fs.openAsBlob(target.file)).text(), 'EPERM', 'ERR_INVALID_ARG_VALUE', 'ERR_INVALID_STATE');
await refused('require', () => createRequire('/')(target.file), 'EPERM', 'MODULE_NOT_FOUND');
await refused('import', () => import(`file://${target.file}`), 'EPERM', 'ERR_MODULE_NOT_FOUND', 'ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING');
return 'contained';
