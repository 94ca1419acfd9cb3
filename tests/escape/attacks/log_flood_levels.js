// expect: output_limit,success,timeout
// all levels and groups at once, indented ever deeper
for (let i = 0; i < 3e4; i++) { console.group("g" + i); console.warn(i); console.error({ i }); console.table([[i]]); console.trace(i); console.count(i); }
return 1;
