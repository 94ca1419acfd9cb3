// expect: crashed,timeout
// an end without a word, by Node's own way; a forked child waits in it for threads that it does not have
process.reallyExit(0);
