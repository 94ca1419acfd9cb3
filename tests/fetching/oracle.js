'use strict';
/* What a plain Node makes of pieces of code that fetch: `node oracle.js` reads a JSON object of them and writes one of values. */
let text = '';
process.stdin.on('data', (bytes) => { text += bytes; }).on('end', async () => {
  const values = {};
  for (const [name, code] of Object.entries(JSON.parse(text))) {
    const awake = setInterval(() => {}, 1000);             // Node's AbortSignal.timeout does not keep a program alive, ours does
    try { values[name] = await (0, eval)(`(async () => {${code}\n})()`); } catch (e) { values[name] = `it threw ${e.stack}`; }
    clearInterval(awake);
  }
  process.stdout.write(JSON.stringify(values), () => process.exit());
});
