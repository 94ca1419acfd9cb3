// expect: success
// bare: escapes
// sockets made without net, dgram or http around them
const { TCP, TCPConnectWrap, constants } = internalBinding('tcp_wrap'), { UDP } = internalBinding('udp_wrap'), { Pipe, PipeConnectWrap, constants: kinds } = internalBinding('pipe_wrap');
refusedByNumber('tcp connect', new TCP(constants.SOCKET).connect(new TCPConnectWrap(), '127.0.0.1', target.tcp));
refusedByNumber('tcp bind', new TCP(constants.SERVER).bind('127.0.0.1', 0));
refusedByNumber('udp bind', new UDP().bind('127.0.0.1', 0, 0));
refusedByNumber('pipe bind', new Pipe(kinds.SERVER).bind(`${target.folder}/escaped.sock`));
const connecting = new Pipe(kinds.SOCKET), request = new PipeConnectWrap();
const answer = await new Promise((resolve) => { request.oncomplete = resolve; const now = connecting.connect(request, target.unix, resolve); if (now) resolve(now); });
refusedByNumber('pipe connect', answer);
return 'contained';
