// expect: memory_limit,error,timeout
// blobs of blobs, read back as text
let b = new Blob(["x".repeat(1 << 20)]); for (let i = 0; i < 12; i++) b = new Blob([b, b]); return (await b.text()).length + (await b.arrayBuffer()).byteLength;
