// expect: success
// bare: escapes
// to a listener outside, and to be one
const net = require('net');
for (const host of ['127.0.0.1', '::1', '0.0.0.0']) {
  await refused(`connect ${host}`, () => event(net.connect(target.tcp, host), 'connect'));
  await refused(`listen ${host}`, () => event(net.createServer().listen(0, host), 'listening'));
}
await refused('tls', () => event(require('tls').connect(target.tcp, '127.0.0.1'), 'connect', 'secureConnect'));
await refused('a local port', () => event(net.connect({ port: target.tcp, host: '127.0.0.1', localPort: 1023 }), 'connect'));
return 'contained';
