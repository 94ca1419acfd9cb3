// expect: timeout,error,memory_limit,success
// classes of the whole of Unicode, ignoring case, thousands of times
const keep = []; for (let i = 0; i < 1e5; i++) { const r = new RegExp("[\\p{L}--[a-" + String.fromCodePoint(0x4e00 + (i % 1000)) + "]]{0," + (i % 100) + "}[^\\p{Script=Han}&&\\p{Alphabetic}]+" + i, "vi"); r.test("\u0130ab" + i); r.test("\u0130ab" + i); keep.push(r); } return keep.length;
