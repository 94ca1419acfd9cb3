// expect: crashed
// says: broke the protocol
// more host calls than may be without an answer, and then more than there may be in all
const calls = (from) => Buffer.concat(Array.from({ length: 1000 }, (_, i) => frame(`{"type":"host_call","id":${from + i},"capability":"fetch","method":"abort","args":{"id":1}}`)));
for (let from = 1; ; from += 1000) raw(calls(from));
