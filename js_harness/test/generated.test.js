'use strict';
const assert = require('node:assert');
const { test } = require('node:test');
const { join, dirname } = require('node:path');
const { homedir } = require('node:os');
const { run } = require('./support.js');
const { program } = require('./hostile/generator.js');

const COUNT = 200, WORKERS = 4, OUTPUT = 30_000;
/* What would tell where the harness, its tests or Node are installed; `home` and `/` alone say nothing. */
const PATHS = [join(__dirname, '..', '..'), dirname(process.execPath), process.cwd(), homedir()].filter((path) => path.split('/').length > 2);
const ORDER = /^ready( log)*( output_full)? done$/;

/** Why the messages are not what the daemon may see, or undefined. */
function wrong({ messages, rest, code, signal, timedOut, logs, done, stderr }) {
  if (timedOut) return 'it took too long';
  if (code !== 0 || signal !== null) return `exit ${code} ${signal} ${stderr}`;
  const order = messages.map((message) => message.type).join(' ');
  if (!ORDER.test(order) || rest !== 0) return `order ${order}, ${rest} bytes left over`;
  if (Buffer.byteLength(logs.join('\n')) > OUTPUT) return 'too much output';
  if ((done.failure === undefined) === (done.value === undefined)) return `neither value nor failure: ${JSON.stringify(done)}`;
  let wellFormed = true;
  const text = JSON.stringify(messages, (key, value) => { wellFormed &&= key.isWellFormed() && (typeof value !== 'string' || value.isWellFormed()); return value; });
  if (!wellFormed) return 'a lone surrogate';
  for (const path of PATHS) if (text.includes(path)) return `the path ${path}`;
  return undefined;
}

const AS = {
  'code-nodes': (body) => body,
  executions: (body) => `globalThis.results = {};\nexport default await (async () => {\n${body}\n})()`,
};

for (const dialect of Object.keys(AS)) test(`${COUNT} generated hostile programs end in one legal done and tell no path: ${dialect}`, async (t) => {
  const bad = [], kinds = {};
  let seed = 0, lines = 0;
  const work = async () => {
    while (seed < COUNT) {
      const mine = ++seed, result = await run(AS[dialect](program(mine)), { dialect, limits: { output_bytes: OUTPUT } });
      const why = wrong(result);
      if (why) bad.push(`seed ${mine}: ${why}\n${program(mine)}`);
      const kind = result.done?.failure?.kind ?? 'value';
      kinds[kind] = (kinds[kind] ?? 0) + 1;
      lines += result.logs.length;
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  t.diagnostic(`${seed} programs, ${lines} lines; ${JSON.stringify(kinds)}`);
  assert.deepStrictEqual(bad, []);
  assert.ok(!kinds.syntax, 'the generator writes what does not parse');
});
