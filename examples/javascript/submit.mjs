/* Submits a program, shows its output as it comes, and prints its result.

     SANDBOXD_TOKEN=sbx_… node submit.mjs [FILE]

   Needs Node 18 or later and no package. A connection that is lost is taken up again where it broke off. */

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';

const URL = process.env.SANDBOXD_URL ?? 'http://127.0.0.1:8000';
const TOKEN = process.env.SANDBOXD_TOKEN;

const PROGRAM = `
for (let n = 1; n <= 3; n++) {
  console.log(\`step \${n}\`);
  await new Promise((resolve) => setTimeout(resolve, 20));
}
export default { steps: 3 };
`;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const ask = (path, { headers, ...more } = {}) =>
  fetch(URL + path, { headers: { Authorization: `Bearer ${TOKEN}`, ...headers }, ...more });

/** The id of the execution. The key is the same at each try, so that it runs once however often it is sent. */
async function submit(program) {
  const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': randomUUID() };
  for (let ms = 1000; ; ms *= 2) {
    try {
      const answer = await ask('/api/exec', { method: 'POST', headers, body: JSON.stringify({ code: program }) });
      const told = await answer.json();
      if (answer.ok) return told.execution_id;
      if (![429, 503].includes(answer.status) || ms > 30_000) throw new Error(told.error);
    } catch (problem) {
      if (!(problem instanceof TypeError) || ms > 30_000) throw problem; // a TypeError is a connection that was lost
    }
    await pause(ms);
  }
}

/** The events of its journal as [kind, data], until it has finished. */
async function* events(id) {
  for (let last = '0'; ;) {
    try {
      const answer = await ask(`/api/executions/${id}/events`, { headers: { 'Last-Event-ID': last } });
      if (!answer.ok) throw new Error((await answer.json()).error);
      let rest = '';
      for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
        const whole = (rest + text).split('\n\n');
        rest = whole.pop();
        for (const block of whole) {
          const event = Object.fromEntries(block.split('\n').map((line) => line.match(/^(\w*): ?(.*)$/).slice(1)));
          if (event.event === undefined) continue;
          last = event.id;
          yield [event.event, JSON.parse(event.data)];
          if (event.event === 'finished') return;
        }
      }
    } catch (problem) {
      if (!(problem instanceof TypeError)) throw problem; // as above
      await pause(1000);
    }
  }
}

const program = process.argv[2] ? await readFile(process.argv[2], 'utf8') : PROGRAM;
for await (const [kind, data] of events(await submit(program))) {
  if (kind === 'log') process.stdout.write(data.text);
  if (kind === 'finished') {
    console.log(data.error ?? data.result);
    process.exitCode = data.status === 'completed' ? 0 : 1;
  }
}
