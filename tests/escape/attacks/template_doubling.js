// expect: error,memory_limit,timeout
// template strings and tags, doubled and flattened
let s = "x"; const keep = []; for (let i = 0; ; i++) { s = `${s}${s}${i}`; keep.push(encodeURIComponent(s), s.split("").length, s.normalize("NFKD"), s.toLocaleUpperCase("tr")); }
