'use strict';
/* harness.js in a process where the boot fails at its last step. */
process.setUncaughtExceptionCaptureCallback = () => { throw new Error('broken on purpose'); };
require('../../harness.js');
