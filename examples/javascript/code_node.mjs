/* Runs one code node: sends code with its input, prints what it printed and returned.

     SANDBOXD_TOKEN=sbx_… node code_node.mjs

   Needs Node 18 or later, or anything else with fetch, and no package. */

const URL = process.env.SANDBOXD_URL ?? 'http://127.0.0.1:8000';
const TOKEN = process.env.SANDBOXD_TOKEN;

const code = `
const total = input.items.reduce((sum, item) => sum + item.price * item.count, 0);
console.log(\`\${input.items.length} items\`);
return { total };
`;
const input = { items: [{ price: 5, count: 3 }, { price: 2, count: 4 }] };

/** What the code came to. Who is told to come again within a minute does so. */
export async function execute(code, input, timeoutMs = 5000, tries = 5) {
  for (;;) {
    const answer = await fetch(`${URL}/api/ai-automation/code/execute`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ code, input, timeout_ms: timeoutMs }),
    });
    const told = await answer.json();
    if (answer.ok || 'status' in told) return told; // with a status: a source that was refused, and no error of the request
    if (--tries === 0 || !(told.retry_after <= 60)) throw new Error(`${answer.status}: ${told.error}`);
    await new Promise((resolve) => setTimeout(resolve, told.retry_after * 1000));
  }
}

const result = await execute(code, input);
for (const text of result.console_logs) console.log(text);
if (result.status === 'success') {
  console.log(JSON.stringify(result.return_value));
} else {
  console.error(`${result.status}: ${result.error}`);
  process.exitCode = 1;
}
