// expect: crashed,timeout,success
// vm's timeout starts a thread with an event loop
try { require('vm').runInNewContext('for (;;);', {}, { timeout: 50 }); } catch (e) { if (e.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw e; }
return 'contained';
