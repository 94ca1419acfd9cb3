// expect: success
// bare: escapes
// sockets that are names: a path, an abstract name, those of a usual machine
const net = require('net');
for (const path of [target.unix, `\0${target.abstract}`, '/run/systemd/private', '/var/run/docker.sock', '/run/dbus/system_bus_socket'])
  await refused(`connect ${path}`, () => event(net.connect(path), 'connect'));
for (const path of [`${target.folder}/escaped.sock`, '\0escaped'])
  await refused(`listen ${path}`, () => event(net.createServer().listen(path), 'listening'));
return 'contained';
