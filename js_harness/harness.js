'use strict';
/* The worker's program: boot, warm up, then block for one request.
 *
 *   node FLAGS harness.js '{"globals":["Object",…],"threads":true,"codegen":false,"warm":false}'
 *
 * Descriptor 3 is the frame channel. The order matters: everything the harness needs is captured before the realm is
 * hidden, and nothing of the user's is read before `ready` was answered with a request.
 *
 * The modules of the harness are compiled under neutral names (`sandboxd:console`), so that neither a stack nor a
 * CallSite that user code gets hold of tells a path of this machine.
 */
const { readFileSync } = require('fs');
const { join, dirname } = require('path').posix;
const { compileFunction } = require('vm');

const home = __dirname;
const loaded = { __proto__: null };

function load(name) {
  if (loaded[name]) return loaded[name].exports;
  const module = { exports: {} };
  loaded[name] = module;
  const requireFrom = (wanted) => (wanted[0] === '.' ? load(join(dirname(name), wanted.replace(/\.js$/, ''))) : require(wanted));
  const body = readFileSync(`${home}/${name}.js`, 'utf8');
  compileFunction(body, ['exports', 'require', 'module'], { filename: `sandboxd:${name}` })(module.exports, requireFrom, module);
  return module.exports;
}

load('worker').start(JSON.parse(process.argv[2]), {
  native: (() => { const addon = { exports: {} }; process.dlopen(addon, `${home}/forkserver.node`); return addon.exports; })(),
});
