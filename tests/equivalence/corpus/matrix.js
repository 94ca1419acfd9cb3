// Nested loops over arrays of arrays and over one flat Float64Array: both must give the same product.
const N = 180;
const cell = (i, j) => ((i * 31 + j * 17) % 101) / 7;
const rows = (f) => Array.from({ length: N }, (_, i) => Array.from({ length: N }, (_, j) => f(i, j)));
const a = rows(cell), b = rows((i, j) => cell(j, i));
const nested = rows((i, j) => { let sum = 0; for (let k = 0; k < N; k++) sum += a[i][k] * b[k][j]; return sum; });

const fa = Float64Array.from(a.flat()), fb = Float64Array.from(b.flat()), flat = new Float64Array(N * N);
for (let i = 0; i < N; i++) {
  for (let j = 0; j < N; j++) {
    let sum = 0;
    for (let k = 0; k < N; k++) sum += fa[i * N + k] * fb[k * N + j];
    flat[i * N + j] = sum;
  }
}
const same = nested.flat().every((value, at) => Object.is(value, flat[at]));
return [same, flat.reduce((sum, value) => sum + value, 0), nested[17][93]].join();
