// expect: success,crashed
// V8's switches for its own defences, and what they would lead to
const v8 = require('v8');
for (const flag of ['--no-sandbox', '--expose-memory-corruption-api', '--allow-natives-syntax', '--expose-gc', '--no-disallow-code-generation-from-strings', '--wasm-jitless', '--no-untrusted-code-mitigations', '--no-write-protect-code-memory'])
  try { v8.setFlagsFromString(flag); } catch {}
await refused('read', () => fs.readFileSync('/etc/passwd'));
await refused('write', () => fs.writeFileSync(`${target.folder}/escaped`, 'x'));
await refused('kill', () => process.kill(target.witness, 'SIGUSR2'));
return 'contained';
