// expect: timeout
// nobody reads that much
for (;;) try { fs.writeSync(2, 'x'.repeat(65536)); } catch (e) { if (e.code !== 'EAGAIN') throw e; }
