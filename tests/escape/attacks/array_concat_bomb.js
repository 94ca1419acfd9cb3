// expect: error,memory_limit,timeout
// an array that holds itself many times, flattened without end
const a = []; for (let i = 0; i < 10; i++) a.push(a); return a.flat(Infinity).length;
