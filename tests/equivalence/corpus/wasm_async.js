// WebAssembly compiled asynchronously, several modules at once: where forked children hung until V8 was single-threaded.
const leb = (n) => { const out = []; do { const byte = n & 127; n >>>= 7; out.push(n ? byte | 128 : byte); } while (n); return out; };
const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];
// Function i: return n * n + i
const body = (i) => [0, 0x20, 0, 0x20, 0, 0x6c, 0x41, ...leb(i & 63), 0x6a, 0x0b];
function module(count) {
  const bodies = Array.from({ length: count }, (_, i) => { const code = body(i); return [...leb(code.length), ...code]; }).flat();
  return new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, ...section(1, [1, 0x60, 1, 0x7f, 1, 0x7f]), ...section(3, [...leb(count), ...new Array(count).fill(0)]),
    ...section(7, [1, 1, 0x66, 0, ...leb(count - 1)]), ...section(10, [...leb(count), ...bodies]),
  ]);
}
const counts = [1, 50, 400, 900, 2000, 3];
const instances = await Promise.all(counts.map((count) => WebAssembly.instantiate(module(count))));
const compiled = await WebAssembly.compile(module(700));
const again = await WebAssembly.instantiate(compiled, {});
let sum = 0;
for (let n = 0; n < 20_000; n++) for (const { instance } of instances) sum = (sum + instance.exports.f(n)) | 0;
const refused = await WebAssembly.compile(new Uint8Array(8)).catch((error) => error.name);
return [sum, again.exports.f(1000), refused, WebAssembly.Module.exports(compiled).map(({ kind }) => kind)].join();
