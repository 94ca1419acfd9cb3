// expect: timeout
// backtracking through a lookbehind with a back reference
return /(?<=(x+x+)+\\1y)z$/.test("x".repeat(40) + "z") + /^(?:(x+)+|\\1*)*$/.test("x".repeat(60) + "!");
