// Optimised double arithmetic on objects of one shape: five bodies under gravity.
let seed = 1;
const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const bodies = Array.from({ length: 5 }, () => ({ x: random(), y: random(), z: random(), vx: 0, vy: 0, vz: 0, mass: random() }));
for (let step = 0; step < 200_000; step++) {
  for (let i = 0; i < 5; i++) {
    for (let j = i + 1; j < 5; j++) {
      const a = bodies[i], b = bodies[j], dx = a.x - b.x, dy = a.y - b.y, dz = a.z - b.z;
      const square = dx * dx + dy * dy + dz * dz + 0.01, pull = 1e-4 / (square * Math.sqrt(square));
      a.vx -= dx * b.mass * pull; a.vy -= dy * b.mass * pull; a.vz -= dz * b.mass * pull;
      b.vx += dx * a.mass * pull; b.vy += dy * a.mass * pull; b.vz += dz * a.mass * pull;
    }
  }
  for (const body of bodies) { body.x += body.vx * 1e-3; body.y += body.vy * 1e-3; body.z += body.vz * 1e-3; }
}
return bodies.map(({ x, y, z }) => [x, y, z].join()).join(';');
