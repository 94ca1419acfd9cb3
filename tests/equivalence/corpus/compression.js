// Compression streams, which work on the thread pool: three formats there and back, several at once, and a damaged text.
const original = new TextEncoder().encode(Array.from({ length: 4000 }, (_, i) => `line ${i * 7919 % 1013} of the text\n`).join(''));
const through = async (bytes, transform) => new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(transform)).arrayBuffer());
const formats = ['gzip', 'deflate', 'deflate-raw'];
const results = await Promise.all(formats.map(async (format) => {
  const small = await through(original, new CompressionStream(format)), back = await through(small, new DecompressionStream(format));
  return [format, small.length, back.length === original.length && back.every((byte, at) => byte === original[at])].join(':');
}));
const damaged = await through(original.slice(0, 100), new DecompressionStream('gzip')).then(() => 'read', (error) => error.name);
return [...results, damaged].join();
