// Web streams: pull, back-pressure, transforms in a row, tee, byte streams, text streams, errors on the way, for await.
let pulled = 0;
const numbers = new ReadableStream({ pull(c) { if (pulled === 1500) c.close(); else c.enqueue(pulled++); } }, new CountQueuingStrategy({ highWaterMark: 8 }));
const double = new TransformStream({ transform(n, c) { c.enqueue(n * 2); if (n % 100 === 0) c.enqueue(-n); } });
const [one, two] = numbers.pipeThrough(double).tee();
let sum = 0, count = 0;
await Promise.all([
  one.pipeTo(new WritableStream({ async write(n) { if (n % 64 === 0) await null; sum += n; } })),
  (async () => { for await (const n of two) count += n > 0 ? 1 : 0; })(),
]);
const bytes = new ReadableStream({ type: 'bytes', autoAllocateChunkSize: 64, pull(c) { const view = c.byobRequest.view; new Uint8Array(view.buffer, view.byteOffset, view.byteLength).fill(3); c.byobRequest.respond(view.byteLength); if (++pulled === 1510) c.close(); } });
let length = 0;
for await (const chunk of bytes) length += chunk.length;
const source = new ReadableStream({ start(c) { for (const piece of ['grü', 'ße ', '€', '👋']) c.enqueue(piece); c.close(); } });
let text = '';
for await (const piece of source.pipeThrough(new TextEncoderStream()).pipeThrough(new TextDecoderStream())) text += piece;
const broken = await new ReadableStream({ pull() { throw new RangeError('torn'); } }).getReader().read().catch(String);
const cut = new AbortController(), stopped = new ReadableStream({}).pipeTo(new WritableStream(), { signal: cut.signal }).catch((error) => error.name);
cut.abort();
return [sum, count, length, text, broken, await stopped, pulled].join();
