'use strict';
/* What a plain Node makes of a workload: `node oracle.js FILE`, the value's JSON is the last line of its output.
 *
 * No harness and no jail. As in a worker the text is the body of an async function whose first line is line 1 of user.js.
 */
const { readFileSync } = require('fs');
const { stripTypeScriptTypes } = require('module');
const { Script } = require('vm');

const [, , file] = process.argv;
const text = readFileSync(file, 'utf8');
const wrapped = `(async () => {\n${text}\n})`;
const script = new Script(file.endsWith('.ts') ? stripTypeScriptTypes(wrapped) : wrapped, { filename: 'user.js', lineOffset: -1 });
Error.stackTraceLimit = 20;
const awake = setInterval(() => {}, 1000);                     // Node's AbortSignal.timeout does not keep a program alive, ours does
script.runInThisContext()().then((value) => { clearInterval(awake); process.stdout.write(`\n${JSON.stringify(value)}\n`); });
