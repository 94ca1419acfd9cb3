// expect: timeout,crashed
// a worker that wants to hear nothing, busy
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGXCPU', 'SIGALRM', 'SIGUSR1']) try { process.on(name, () => {}); } catch {}
forever();
