// expect: success
// the compile cache writes what was compiled
const module = require('module');
const { status, directory } = module.enableCompileCache(`${target.folder}/escaped-cache`);
module.flushCompileCache();
if (status === module.constants.compileCacheStatus.ENABLED) escaped(`a cache in ${directory}`);
return 'contained';
