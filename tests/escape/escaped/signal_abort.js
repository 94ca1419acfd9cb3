// expect: crashed
// says: SIGABRT
// an end of its own
process.abort();
