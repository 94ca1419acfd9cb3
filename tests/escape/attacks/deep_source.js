// expect: error,success,memory_limit,timeout
// an expression nested so deep that the parser overflows its stack, made at run time
return eval("(".repeat(2e5) + "1" + ")".repeat(2e5)) + Function("return " + "!".repeat(1e6) + "1")() + eval("a?".repeat(1e5));
