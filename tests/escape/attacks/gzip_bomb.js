// expect: memory_limit,timeout,error,success
// a small compressed text that unpacks into gigabytes, on a thread
const pack = async (x) => new Response(new Blob([x]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer(); const zip = await pack(new Uint8Array(1 << 24)); const parts = Array(100).fill(zip);
const keep = []; for (const part of parts) for await (const chunk of new Blob([part]).stream().pipeThrough(new DecompressionStream("gzip"))) keep.push(chunk); return keep.length;
