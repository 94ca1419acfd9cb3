// expect: success,crashed
// sockets made of descriptors that are there: only the channel is one
const net = require('net');
for (let fd = 4; fd < 64; fd++) {
  let socket;
  try { socket = new net.Socket({ fd, readable: true, writable: true }); } catch { continue; }
  socket.on('error', () => {});
  socket.write('escaped');
  socket.destroy();
}
await sleep(100);
return 'contained';
