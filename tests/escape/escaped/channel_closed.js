// expect: timeout
// nothing left to talk with, and no end
fs.closeSync(3);
forever();
