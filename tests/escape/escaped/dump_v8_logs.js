// expect: success,crashed
// V8's own logs, switched on late
const v8 = require('v8'), file = `${target.folder}/escaped-v8.log`;
for (const flag of [`--logfile=${file}`, '--log-all', '--prof', `--trace-turbo-path=${target.folder}`, '--trace-turbo', `--redirect-code-traces-to=${file}`, '--redirect-code-traces', '--perf-basic-prof', '--gdbjit', '--ll-prof'])
  try { v8.setFlagsFromString(flag); } catch {}
const busy = (n) => { let sum = 0; for (let i = 0; i < n; i++) sum += i % 7; return sum; };
for (let i = 0; i < 200; i++) busy(1000);
v8.takeCoverage(); v8.stopCoverage();
return 'contained';
