// 100 of the 128 MB in typed arrays of several sizes: touched, dropped, taken again. What was dropped must have been given back.
const MB = 1 << 20;
function round(n, size) {
  let sum = 0;
  const blocks = [];
  for (let i = 0; i < 100 / size; i++) blocks.push(new Uint8Array(size * MB).fill(i + n));
  for (const block of blocks) sum += block[0] + block[block.length - 1] + block[block.length >> 1];
  return sum;
}
const sums = [round(0, 5), round(1, 1), round(2, 10)];
const copied = new Uint8Array(new Uint8Array(30 * MB).fill(7).buffer.slice(MB, 25 * MB));
return [sums, copied.length, copied[copied.length - 1]].join();
