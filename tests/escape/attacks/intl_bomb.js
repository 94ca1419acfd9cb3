// expect: timeout,memory_limit,error,success
// formatters and segmenters outside of the JavaScript heap
const keep = []; for (let i = 0; i < 1e6; i++) { keep.push(new Intl.DateTimeFormat("en-u-ca-chinese", { timeZone: "Asia/Shanghai", dateStyle: "full" }), new Intl.NumberFormat("ar-EG", { style: "currency", currency: "EUR" }), new Intl.Collator("de-u-co-phonebk"), new Intl.Segmenter("th", { granularity: "word" }).segment("x".repeat(1e5))); keep.at(-1)[Symbol.iterator]().next(); keep.at(-4).format(i); } return keep.length;
