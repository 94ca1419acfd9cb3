// expect: success
// another realm is behind the same walls, with Node handed in or found
const vm = require('vm');
const context = vm.createContext({ process, require, target });
await refused('a context', () => vm.runInContext("require('fs').writeFileSync(target.folder + '/escaped', 'x')", context));
await refused('its constructor', () => vm.runInContext("process.constructor.constructor", context).prototype.call.call(process.kill, process, target.witness, 'SIGUSR2'));
await refused('this one', () => vm.runInThisContext("(require) => require('fs').readFileSync('/etc/passwd')")(require));
return 'contained';
