// expect: error,timeout,memory_limit
// powers, shifts and decimal texts of huge integers
for (const f of [() => 2n ** (2n ** 62n), () => 1n << (2n ** 62n)]) { try { f(); } catch (e) { if (!(e instanceof RangeError)) throw e; } } const n = 3n ** 5000000n; return String(n * n * n).length + BigInt("9".repeat(3e6)).toString(7).length + String(7n ** 60000000n).length;
