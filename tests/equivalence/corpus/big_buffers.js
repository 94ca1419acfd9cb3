// 100 of the 128 MB in typed arrays: touched, dropped, taken again. What was dropped must have been given back.
const MB = 1 << 20;
function round(n) {
  let sum = 0;
  const blocks = [];
  for (let i = 0; i < 20; i++) blocks.push(new Uint8Array(5 * MB).fill(i + n));
  for (const block of blocks) sum += block[0] + block[block.length - 1] + block[block.length >> 1];
  return sum;
}
const sums = [round(0), round(1), round(2)];
const copied = new Uint8Array(new Uint8Array(30 * MB).fill(7).buffer.slice(MB, 25 * MB));
return [sums, copied.length, copied[copied.length - 1]].join();
