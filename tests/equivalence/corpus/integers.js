// Loops over small integers, bits and bytes: a sieve, a CRC table, a hash.
const N = 300_000, composite = new Uint8Array(N);
let primes = 0;
for (let i = 2; i < N; i++) {
  if (composite[i]) continue;
  primes++;
  for (let j = i * i; j < N; j += i) composite[j] = 1;
}
const table = Uint32Array.from({ length: 256 }, (_, n) => { for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1; return n; });
let crc = -1;
for (let i = 0; i < N; i++) crc = table[(crc ^ composite[i]) & 255] ^ (crc >>> 8);
let hash = 0x811c9dc5;
for (let i = 0; i < 6_000_000; i++) hash = Math.imul(hash ^ (i & 255), 0x01000193);
return [primes, (crc ^ -1) >>> 0, hash >>> 0].join();
