// Some 60 MB of live objects in V8's own heap: it grows, is marked, and is compacted close to its ceiling.
const blocks = [];
for (let i = 0; i < 80; i++) blocks.push(new Array(65_536).fill(i + 0.5));
const objects = [];
for (let i = 0; i < 150_000; i++) objects.push({ i, next: objects[i - 1] });
for (let i = 0; i < blocks.length; i += 2) blocks[i] = null;
for (let i = 0; i < blocks.length; i += 2) blocks[i] = new Array(65_536).fill(i + 0.25);
let depth = 0;
for (let at = objects.at(-1); at; at = at.next) depth++;
return [blocks.reduce((sum, block) => sum + block[777], 0), depth].join();
