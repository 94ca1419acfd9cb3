// expect: success
// Bodies without end, which must be refused while they are read
const endless = () => new ReadableStream({ pull(controller) { controller.enqueue(new Uint8Array(65536)); } });
const ends = await Promise.all(Array.from({ length: 8 }, () => fetch("http://127.0.0.1:8/", { method: "POST", body: endless(), duplex: "half" }).catch((e) => e.cause?.rule)));
return ends.every((rule) => rule === "limit.request_bytes") ? "contained" : ends;
