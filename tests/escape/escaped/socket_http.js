// expect: success
// bare: escapes
// everything that speaks HTTP
const http = require('http'), at = `127.0.0.1:${target.tcp}`;
const cause = async (promise) => { try { return await promise; } catch (e) { throw e.cause ?? e; } };
await refused('http', () => new Promise((resolve, reject) => http.get(`http://${at}/`).on('error', reject).on('socket', (socket) => socket.on('connect', () => resolve('a connection')))));
await refused('https', () => event(require('https').get(`https://${at}/`), 'response'));
await refused('http2', () => event(require('http2').connect(`http://${at}/`), 'connect'));
await refused('fetch', () => cause(fetch(`http://${at}/`)));
await refused('by unix socket', () => event(http.get({ socketPath: target.unix, path: '/' }), 'response'));
await refused('server', () => event(http.createServer().listen(0, '127.0.0.1'), 'listening'));
await refused('WebSocket', () => new Promise((resolve, reject) => { const socket = new WebSocket(`ws://${at}/`); socket.onopen = resolve; socket.onerror = (e) => reject(Object.assign(new Error(e.message), { code: 'EPERM' })); }));
return 'contained';
