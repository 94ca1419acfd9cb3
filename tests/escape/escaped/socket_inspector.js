// expect: success,crashed
// the inspector is a server that runs code for whoever connects
const inspector = require('inspector');
try { inspector.open(0, '127.0.0.1'); } catch {}
if (inspector.url() !== undefined) escaped(inspector.url());
try { process._debugProcess(process.pid); } catch {}
await sleep(200);
if (inspector.url() !== undefined) escaped(inspector.url());
return 'contained';
