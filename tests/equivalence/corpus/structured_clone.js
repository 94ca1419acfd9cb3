// structuredClone: cycles, built-in types, shared references, transfer, and what it refuses.
const when = new Date(86_400_000), pattern = /x(?<y>.)/giu, bytes = new Uint8Array([1, 2, 3, 4]);
const original = { when, pattern, map: new Map([[{ k: 1 }, new Set([1n, 'two', null])]]), bytes, half: bytes.subarray(1, 3), holes: [1, , 3], error: new RangeError('cloned'), zero: -0, none: undefined, boxed: Object('s') };
original.self = original;
const copy = structuredClone(original);
const same = [copy !== original, copy.self === copy, copy.bytes.buffer === copy.half.buffer, copy.half.length, copy.when.getTime(), copy.pattern.flags, copy.holes.length, 1 in copy.holes];
const inner = [...copy.map][0], more = [inner[0].k, [...inner[1]].map(String), copy.error.name, copy.error.message, Object.is(copy.zero, -0), 'none' in copy, typeof copy.boxed];
const buffer = new ArrayBuffer(64), moved = structuredClone({ buffer }, { transfer: [buffer] });
const refused = [() => {}, Symbol('s'), new WeakMap(), { deep: { f() {} } }, new Proxy({}, {})].map((value) => { try { structuredClone(value); return 'cloned'; } catch (error) { return error.name; } });
class Point { constructor() { this.x = 1; } get y() { return 2; } }
const plain = structuredClone(new Point());
let large = [];
for (let i = 0; i < 3000; i++) large.push({ i, text: 'item ' + i, list: [i, { i }] });
for (let round = 0; round < 3; round++) large = structuredClone(large);
return [same, more, buffer.byteLength, moved.buffer.byteLength, refused, plain instanceof Point, plain.x, 'y' in plain, large.length, large[2999].list[1].i].join();
