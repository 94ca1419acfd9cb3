// expect: success
// bare: escapes
// datagrams: sent, received, connected, in a group
const dgram = require('dgram');
for (const type of ['udp4', 'udp6']) {
  const here = type === 'udp4' ? '127.0.0.1' : '::1';
  await refused(`send ${type}`, () => new Promise((resolve, reject) => { const socket = dgram.createSocket(type); socket.on('error', reject); socket.send('escaped', target.udp, here, (e, n) => e ? reject(e) : resolve(n)); }));
  await refused(`bind ${type}`, () => { const socket = dgram.createSocket(type); socket.bind(0, here); return event(socket, 'listening'); });
  await refused(`connect ${type}`, () => { const socket = dgram.createSocket(type); socket.connect(target.udp, here); return event(socket, 'connect'); });
}
return 'contained';
