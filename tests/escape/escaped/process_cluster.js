// expect: success
// bare: escapes
// a cluster forks and listens
const cluster = require('cluster');
cluster.setupPrimary({ exec: target.harness, args: ['{}'] });
await refused('fork', () => { const worker = cluster.fork(); return event(worker.process, 'exit', 'spawn'); });
return 'contained';
