// Calls and nothing else: the compiler's tiers, inlining and on-stack replacement.
const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));
function ackermann(m, n) { return m === 0 ? n + 1 : n === 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1)); }
const mutual = { even: (n) => n === 0 || mutual.odd(n - 1), odd: (n) => n !== 0 && mutual.even(n - 1) };
let evens = 0;
for (let i = 0; i < 20_000; i++) evens += mutual.even(i % 97);
return [fib(30), ackermann(2, 300), evens].join();
