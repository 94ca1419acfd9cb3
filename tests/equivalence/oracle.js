'use strict';
/* What a plain Node makes of a workload: `node oracle.js FILE`, the value's JSON is the last line of its output.
 *
 * No harness and no jail. As in a worker the text is the body of an async function whose first line is line 1 of user.js; that of a
 * program (.mjs, .mts) is a module, which has come to its end when nothing is left to do.
 */
const { readFileSync } = require('fs');
const { stripTypeScriptTypes } = require('module');
const { pathToFileURL } = require('url');
const { Script } = require('vm');

const [, , file] = process.argv;
Error.stackTraceLimit = 20;
const print = (value) => process.stdout.write(`\n${JSON.stringify(value)}\n`);

function runBody() {
  const wrapped = `(async () => {\n${readFileSync(file, 'utf8')}\n})`;
  const script = new Script(file.endsWith('.ts') ? stripTypeScriptTypes(wrapped) : wrapped, { filename: 'user.js', lineOffset: -1 });
  const awake = setInterval(() => {}, 1000);                   // Node's AbortSignal.timeout does not keep a program alive, ours does
  script.runInThisContext()().then((value) => { clearInterval(awake); print(value); });
}

async function runModule() {
  const { default: value } = await import(pathToFileURL(file));
  process.on('exit', () => print(value));
}

if (/\.m[jt]s$/.test(file)) runModule(); else runBody();
