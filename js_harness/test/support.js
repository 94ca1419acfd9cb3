'use strict';
/* A real worker for a test: spawned as the exec server does it, one request, every frame until its exit. */
const { spawn } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const HARNESS = join(__dirname, '..', 'harness.js');
const NODE18 = process.env.SANDBOXD_TEST_NODE18;
const FLAGS = ['--no-warnings', '--expose-internals', '--single-threaded', '--v8-pool-size=1', '--max-old-space-size=128', '--max-semi-space-size=4'];
const NO_CODEGEN = '--disallow-code-generation-from-strings';
const ENVIRONMENT = { OPENSSL_CONF: '/dev/null', TZ: 'UTC', LANG: 'C', UV_THREADPOOL_SIZE: '1' };
const LIMITS = { output_bytes: 1048576, result_bytes: 1048576, depth: 256 };
const DATA_BYTES = 2 ** 40;      // demanded of every request; here it limits nothing
const MOST_MS = 20_000;

/* The names that the code-nodes profile grants; a TOML reader for just that: `names = "…"` or `names = """…"""`. */
const PROFILE = readFileSync(join(__dirname, '..', '..', 'policies', 'profiles', 'code-nodes.toml'), 'utf8');
const GLOBALS = [...PROFILE.matchAll(/^names = (?:"""([^]*?)"""|"([^"]*)")/gm)].flatMap(([, long, short]) => (long ?? short).split(/\s+/)).filter(Boolean);

const frame = (message) => {
  const body = Buffer.from(JSON.stringify(message));
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length);
  return Buffer.concat([header, body]);
};

/**
 * Sends one message to a fresh worker, and answers its host calls by `answer(call)`, at once; resolves with what came back: `ready`, `logs` (texts), `levels`, `full` (how often),
 * `done`, `messages` (all of them in order), `rest` (bytes after the last whole frame), `code`, `signal`, `stderr`, `timedOut`.
 */
function exchange(message, { codegen = false, threads = true, dialect = 'code-nodes', globals = GLOBALS, node = process.execPath, entry = HARNESS, ms = MOST_MS, flags = [], answer = () => ({}) } = {}) {
  const config = JSON.stringify({ dialect, globals, threads, codegen });
  const options = { stdio: ['ignore', 'ignore', 'pipe', 'pipe'], env: ENVIRONMENT };
  const child = spawn(node, [...FLAGS, ...(codegen ? [] : [NO_CODEGEN]), ...flags, entry, config], options);
  const out = { ready: undefined, logs: [], levels: [], full: 0, done: undefined, messages: [], rest: 0, stderr: '', timedOut: false };
  const timer = setTimeout(() => { out.timedOut = true; child.kill('SIGKILL'); }, ms);
  let pending = Buffer.alloc(0);

  function take(body) {
    const got = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
    out.messages.push(got);
    if (got.type === 'ready') { out.ready = got; if (message) child.stdio[3].write(frame(message)); else child.stdio[3].end(); }
    else if (got.type === 'log') { out.logs.push(got.text); out.levels.push(got.level); }
    else if (got.type === 'output_full') out.full += 1;
    else if (got.type === 'done') out.done = got;
    else if (got.type === 'host_call') child.stdio[3].write(frame({ type: 'host_result', id: got.id, ...answer(got) }));
  }
  return new Promise((resolve, reject) => {
    child.stdio[3].on('data', (bytes) => {
      pending = Buffer.concat([pending, bytes]);
      try {
        while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE()) {
          const end = 4 + pending.readUInt32BE();
          take(pending.subarray(4, end));
          pending = pending.subarray(end);
        }
      } catch (error) { child.kill('SIGKILL'); reject(error); }
    });
    child.stdio[3].on('error', () => { /* the worker ended while the request was on its way: its exit tells */ });
    child.stderr.on('data', (bytes) => { out.stderr += bytes; });
    child.on('error', reject);
    child.on('close', (code, signal) => { clearTimeout(timer); resolve(Object.assign(out, { code, signal, rest: pending.length })); });
  });
}

/** Runs `source` in a fresh worker; options are those of `exchange` and of the request (`language`, `check`, `limits`, `input`, `capabilities`). */
function run(source, { language = 'javascript', dialect = 'code-nodes', check = false, limits = {}, input = null, capabilities = {}, ...options } = {}) {
  return exchange({ type: 'run', source, language, dialect, check, limits: { ...LIMITS, ...limits }, input, data_bytes: DATA_BYTES, capabilities }, { dialect, ...options });
}

/** The text of a function's body, to write user code as code. */
const bodyOf = (f) => { const text = f.toString(); return text.slice(text.indexOf('{') + 1, text.lastIndexOf('}')); };

module.exports = { run, exchange, bodyOf, GLOBALS, LIMITS, DATA_BYTES, NODE18, FLAGS };
