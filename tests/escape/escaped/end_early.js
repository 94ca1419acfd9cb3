// expect: crashed
// an end without a word, by the way that is meant for the harness
process.reallyExit(0);
