// expect: success
// what a worker may not learn: interfaces, users, the load of processors, the daemon's environment
const os = require('os'), OWN = ['LANG', 'LD_BIND_NOW', 'LD_PRELOAD', 'OPENSSL_CONF', 'TZ', 'UV_THREADPOOL_SIZE'];
await refused('interfaces', () => os.networkInterfaces(), 'ERR_SYSTEM_ERROR');
await refused('user', () => os.userInfo(), 'ERR_SYSTEM_ERROR');
if (os.cpus().some((cpu) => cpu.times.user > 0)) escaped('the load of its processors');
if (Object.keys(process.env).some((name) => !OWN.includes(name))) escaped('the environment');
return 'contained';
