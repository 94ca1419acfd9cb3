// Typed arrays and views: every kind, both byte orders, conversions at the edges, resizing, detaching, copying within.
const kinds = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array];
const edges = [0, -0, 1.5, -1.5, 127.5, 255.5, 256, 65_536.7, 2 ** 31, 2 ** 32 + 5, -(2 ** 31) - 1, NaN, Infinity, 1e300];
const converted = kinds.map((Kind) => Kind.name + Array.from(Kind.from(edges), (value) => (Object.is(value, -0) ? '-0' : value)));
const view = new DataView(new ArrayBuffer(4096));
let hash = 0;
for (let i = 0; i < 120_000; i++) { view.setInt32((i * 4) % 4092, i * 31, i % 2 === 0); hash = (hash * 17 + view.getUint16((i * 6) % 4090)) | 0; }
view.setFloat64(0, Math.PI); view.setBigUint64(8, 2n ** 64n - 1n); view.setFloat32(16, 0.1, true);
const read = [view.getFloat64(0), view.getUint8(0), view.getBigInt64(8), view.getFloat32(16, true), view.getUint32(16)];
const waves = new Float64Array(60_000).map((_, i) => Math.sin(i)), sorted = waves.toSorted()[500], total = waves.reduce((x, y) => x + y, 0);
const resizable = new ArrayBuffer(16, { maxByteLength: 64 }), tracking = new Uint16Array(resizable);
resizable.resize(64);
const moved = resizable.transfer(8), lengths = [tracking.length, moved.byteLength, resizable.detached];
const bytes = new Uint8Array([1, 2, 3, 4, 5]).copyWithin(0, 3).subarray(1, 4), found = new Int32Array([5, 3, 5]).lastIndexOf(5);
return [converted, hash, read, sorted, total, lengths, bytes, found, view.buffer.slice(4).byteLength].join();
