// expect: timeout,success
// a worker that stops itself is ended by the clock
process.kill(process.pid, 'SIGSTOP');
await sleep(1e6);
