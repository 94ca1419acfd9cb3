// expect: timeout,output_limit
// a flood of long lines: cut at the limit, the daemon stays up
for (;;) console.log("x".repeat(65536));
