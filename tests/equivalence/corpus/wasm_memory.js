// WebAssembly's memory, tables, globals and traps as JavaScript sees them.
const memory = new WebAssembly.Memory({ initial: 1, maximum: 300 });
const first = memory.buffer;
new Uint32Array(first)[3] = 0xdeadbeef;
const before = memory.grow(255), detached = first.byteLength;
const words = new Uint32Array(memory.buffer);
for (let i = 0; i < words.length; i += 1024) words[i] = i;
let sum = 0;
for (let i = 0; i < words.length; i += 1024) sum = (sum + words[i]) | 0;
let refused = '';
try { memory.grow(100); } catch (error) { refused = error.name; }
const table = new WebAssembly.Table({ element: 'anyfunc', initial: 2, maximum: 10 }), grown = table.grow(3);
const global = new WebAssembly.Global({ value: 'i64', mutable: true }, 5n);
global.value *= 2n ** 60n;
// (func (export "f") (param i32) (result i32) i32.const 10, local.get 0, i32.div_s)
const bytes = [0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f, 3, 2, 1, 0, 7, 5, 1, 1, 0x66, 0, 0, 10, 9, 1, 7, 0, 0x41, 10, 0x20, 0, 0x6d, 0x0b];
const { f } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes))).exports;
let trap = '';
try { f(0); } catch (error) { trap = `${error.name}: ${error.message}`; }
return [words[3], before, detached, sum, refused, grown, table.length, global.value, f(3), trap].join();
