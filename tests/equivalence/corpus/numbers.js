// Numbers as texts and back, rounding, the mathematical functions, and their corner cases.
let seed = 7, hash = 0;
const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const mix = (text) => { for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0; };
let exact = 0;
for (let i = 0; i < 12_000; i++) {
  const value = (random() - 0.5) * 10 ** ((i % 600) - 300), text = String(value);
  if (Number(text) === value) exact++;
  mix(text + value.toExponential(5) + value.toPrecision(7) + (i % 100 ? '' : value.toString(2 + (i % 35))));
}
for (const name of ['sin', 'cos', 'tan', 'asin', 'atan', 'sinh', 'exp', 'expm1', 'log', 'log1p', 'log2', 'cbrt', 'sqrt', 'fround', 'f16round', 'clz32', 'trunc', 'sign', 'round']) {
  for (let i = 0; i < 300; i++) mix(name + Math[name]?.((random() - 0.5) * 2));
}
const corners = [0.1 + 0.2, (1.005).toFixed(2), (-1.5).toFixed(0), (1e21).toFixed(2), parseInt('0x1f'), parseInt('12px'), parseFloat('.5e-3x'), Number(''), Number('0b101'), Number('1_0'), Math.max(), Math.hypot(3, 4), (25).toString(36), 2 ** 53 + 1, -7 % 3, 5 / -0, Math.atan2(-0, -1), Number.EPSILON > 0, (123.456).toString(7), Number.isSafeInteger(2 ** 53), 0xff >>> 4, -1 >>> 0, 1 << 31];
return [exact, hash, corners].join();
