// A large linked graph that is cut and grown again, with cycles and pointers from old objects to young ones.
const nodes = [];
for (let i = 0; i < 30_000; i++) nodes.push({ id: i, left: null, right: null, data: new Array(4).fill(i) });
for (let round = 0; round < 10; round++) {
  for (let i = 0; i < nodes.length; i++) {
    nodes[i].left = nodes[(i * 7 + round) % nodes.length];
    nodes[i].right = nodes[(i * 13 + round) % nodes.length];
    if (i % 3 === round % 3) nodes[i] = { id: i, left: nodes[i].left, right: nodes[i].right, data: [round, i] };
  }
}
let at = nodes[5], sum = 0;
for (let i = 0; i < 50_000; i++) { sum = (sum * 31 + at.id + at.data[0]) % 1_000_003; at = i & 1 ? at.left : at.right; }
return [sum, nodes.reduce((n, { data }) => n + data.length, 0)].join();
