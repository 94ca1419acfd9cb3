'use strict';
/* What people write first: a fresh Node for each request, the code on its command line. */
const { execFile } = require('node:child_process');
const { promisify } = require('node:util');
const { serve } = require('./front.js');

const start = promisify(execFile);
const MOST_OUTPUT = 16 << 20;

const program = (code) => `const results = {}, logs = [];
console.log = (...parts) => logs.push(parts.join(' '));
(async () => {${code}
})().then(() => process.stdout.write(JSON.stringify({ results, logs })));`;

serve(async (code) => (await start(process.execPath, ['-e', program(code)], { maxBuffer: MOST_OUTPUT })).stdout);
