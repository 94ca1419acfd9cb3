'use strict';
/* isolated-vm: a fresh V8 isolate for each request, in the server's own process. Lines stay in the isolate until the end,
 * because each call across its border would cost more than the line. */
const ivm = require('isolated-vm');
const { serve } = require('./front.js');

const LIMITS = { memoryLimit: 128 };
const sleep = new ivm.Reference((ms) => new Promise((done) => { setTimeout(done, ms); }));

const program = (code) => `const results = {}, logs = [];
const console = { log: (...parts) => logs.push(parts.join(' ')) };
const setTimeout = (call, ms) => { sleep.apply(undefined, [ms], { result: { promise: true } }).then(() => call()); };
(async () => {${code}
})().then(() => JSON.stringify({ results, logs }));`;

serve(async (code) => {
  const isolate = new ivm.Isolate(LIMITS);
  try {
    const context = await isolate.createContext();
    await context.global.set('sleep', sleep);
    return await context.eval(program(code), { promise: true, copy: true, timeout: 5000 });
  } finally {
    isolate.dispose();
  }
});
