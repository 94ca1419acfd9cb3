// Integers without end: factorials, powers modulo, division, shifts, both ways through text, and fixed widths.
let factorial = 1n;
for (let i = 1n; i <= 2500n; i++) factorial *= i;
const power = (base, exponent, modulus) => { let out = 1n; for (base %= modulus; exponent; exponent >>= 1n, base = (base * base) % modulus) if (exponent & 1n) out = (out * base) % modulus; return out; };
const prime = 2n ** 521n - 1n;
let [a, b] = [0n, 1n];
for (let i = 0; i < 5000; i++) [a, b] = [b, a + b];
const text = factorial.toString(), back = BigInt(text) === factorial, hex = BigInt('0x' + factorial.toString(16)) === factorial;
const wrapped = [BigInt.asIntN(64, 2n ** 63n), BigInt.asUintN(32, -1n), -7n / 2n, -7n % 2n, ~5n, (-5n) >> 1n];
let mixed = '';
try { mixed = 1n + 1; } catch (error) { mixed = error.name; }
return [text.length, factorial % 1_000_003n, power(3n, prime - 1n, prime), a % 10n ** 18n, back, hex, ...wrapped, mixed, 2n > 1, 2n == 2].join();
