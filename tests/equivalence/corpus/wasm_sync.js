// WebAssembly compiled and run synchronously: 300 functions, built here byte by byte, called hot until they are optimised.
const leb = (n) => { const out = []; do { const byte = n & 127; n >>>= 7; out.push(n ? byte | 128 : byte); } while (n); return out; };
const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];
// Function i: let sum = 0; do { sum += n + i } while (--n); return sum
const body = (i) => [1, 1, 0x7f, 0x03, 0x40, 0x20, 1, 0x20, 0, 0x6a, 0x41, ...leb(i & 63), 0x6a, 0x21, 1, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x20, 1, 0x0b];
function module(count) {
  const bodies = Array.from({ length: count }, (_, i) => { const code = body(i); return [...leb(code.length), ...code]; }).flat();
  const names = [0, 7, count - 1].flatMap((i) => [1, 0x61 + (i % 26), 0, ...leb(i)]);
  return new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, ...section(1, [1, 0x60, 1, 0x7f, 1, 0x7f]), ...section(3, [...leb(count), ...new Array(count).fill(0)]),
    ...section(7, [3, ...names]), ...section(10, [...leb(count), ...bodies]),
  ]);
}
const instance = new WebAssembly.Instance(new WebAssembly.Module(module(300)));
const { a, h, n } = instance.exports;
let sum = 0;
for (let i = 0; i < 300; i++) sum = (sum + a(4000) + h(2000) + n(1000)) | 0;
let refused = '';
try { new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 9])); } catch (error) { refused = error.name; }
return [sum, refused, WebAssembly.validate(module(20)), WebAssembly.validate(module(2))].join();
