// expect: memory_limit,crashed
// it may lie about its own end, and about nothing else
fs.writeSync(2, 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n');
process.abort();
