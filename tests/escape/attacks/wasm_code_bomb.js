// expect: memory_limit,error,timeout
// compiled code, which no data limit counts
const leb = (n) => { const o = []; do { let b = n & 127; n >>>= 7; if (n) b |= 128; o.push(b); } while (n); return o; };
const section = (id, b) => [id, ...leb(b.length), ...b];
const body = [0]; for (let i = 0; i < 300; i++) body.push(0x41, ...leb(i & 63), 0x1a); body.push(0x0b);
const one = [...leb(body.length), ...body], many = 2000, code = [...leb(many)]; for (let i = 0; i < many; i++) for (const x of one) code.push(x);
const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, ...section(1, [1, 0x60, 0, 0]), ...section(3, [...leb(many), ...Array(many).fill(0)]), ...section(7, [1, 1, 102, 0, 0]), 10].concat(leb(code.length), code));
const keep = []; for (let k = 0; ; k++) { bytes[bytes.length - 2 - (k & 1)] ^= 0; const i = new WebAssembly.Instance(new WebAssembly.Module(bytes)); i.exports.f(); keep.push(i); }
