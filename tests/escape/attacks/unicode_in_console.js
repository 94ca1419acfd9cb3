// expect: success
// terminal sequences, bidirectional marks, lone surrogates, separators and byte order marks
for (const s of ["\u202e\u2066evil\u2069", "\ud83d", "\udc00\ud83d", "\ufeff", "\ufffe\uffff", "\u0000\u0001\u001b]8;;http://x\u0007", "\u2028\u2029", "a\u0300".repeat(1000), "\r\n0\r\n\r\n", String.fromCodePoint(0x10ffff)]) { console.log(s); console.log({ [s]: s }, [s], new Error(s)); console.group(s); results[s] = s; }
throw_ = 1; return undefined;
