// expect: success,crashed
// ten thousand descriptors, of every kind that can be asked for
const { Pipe, constants } = internalBinding('pipe_wrap'), { FSEvent } = internalBinding('fs_event_wrap'), { TCP } = internalBinding('tcp_wrap');
let opened = 0;
for (let i = 0; i < 10000; i++) {
  try { fs.openSync('/dev/null'); opened++; } catch {}
  try { if (new FSEvent().start('/', true, false, 'utf8') === 0) opened++; } catch {}
  if (new Pipe(constants.SERVER).bind(`\0escaped${i}`) === 0) opened++;
  if (new TCP(1).bind('127.0.0.1', 0) === 0) opened++;
}
if (opened) escaped(`${opened} descriptors`);
return 'contained';
