// expect: timeout,output_limit
// a million lines without a byte of text
for (;;) console.log("");
