// expect: timeout,crashed,success
// tracing starts a thread that writes a file in the working directory
try { process.chdir(target.folder); } catch {}
const tracing = require('trace_events').createTracing({ categories: ['node', 'v8'] });
tracing.enable();
performance.mark('escaped');
await sleep(200);
tracing.disable();
return 'contained';
