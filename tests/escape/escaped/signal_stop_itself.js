// expect: timeout,success
// a worker that stops itself is ended by the clock; a forked one may signal nobody at all
try { process.kill(process.pid, 'SIGSTOP'); } catch (e) { if (e.code === 'EPERM') return 'contained'; throw e; }
await sleep(1e6);
