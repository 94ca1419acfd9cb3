// expect: success
// the REPL keeps a history on disk, and reads and saves sessions
const { PassThrough } = require('stream');
const input = new PassThrough(), shell = require('repl').start({ input, output: new PassThrough(), terminal: false });
await new Promise((resolve) => shell.setupHistory(`${target.folder}/escaped-history`, resolve));
input.write(`.save ${target.folder}/escaped-session\n.load ${target.file}\n`);
await sleep(100);
if (shell.context.witness !== undefined) escaped('a file was read');
shell.close();
return 'contained';
