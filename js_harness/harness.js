'use strict';
/* The worker's program: boot, warm up, then block for one request.
 *
 *   node FLAGS harness.js '{"dialect":"code-nodes","globals":["Object",…],"threads":true,"codegen":false,"filter":"base64"}'
 *
 * Descriptor 3 is the frame channel. The order matters: everything the harness needs is captured before the realm is
 * hidden, and nothing of the user's is read before `ready` was answered with a request.
 *
 * The modules of the harness are compiled under neutral names (`sandboxd:console`), so that neither a stack nor a
 * CallSite that user code gets hold of tells a path of this machine.
 *
 * Behind the filter no file can be opened any more. What most requests do not need is therefore read at boot, which costs
 * little, and compiled when it is asked for, which costs much.
 */
const { readFileSync } = require('fs');
const { join, dirname } = require('path').posix;
const { compileFunction } = require('vm');

const home = __dirname;
const PACKAGES = {
  __proto__: null,
  acorn: 'node_modules/acorn/dist/acorn.js',
  'eslint-scope': 'node_modules/eslint-scope/dist/eslint-scope.cjs',
  esrecurse: 'node_modules/esrecurse/esrecurse.js',
  estraverse: 'node_modules/estraverse/estraverse.js',
};
const LATER = ['canary.js', 'completion.js', 'decoders.js', 'check/parser.js', 'check/scope.js', 'check/tokens.js', 'node_modules/esrecurse/package.json', 'node_modules/estraverse/package.json'];

const read = (file) => readFileSync(`${home}/${file}`, 'utf8');
const texts = { __proto__: null };
for (const file of [...LATER, ...Object.values(PACKAGES)]) texts[file] = read(file);
const loaded = { __proto__: null };

function resolve(wanted, from) {
  if (wanted[0] !== '.') return PACKAGES[wanted];
  const file = join(dirname(from), wanted);
  return /\.js(?:on)?$/.test(file) ? file : `${file}.js`;
}

function load(file) {
  if (loaded[file]) return loaded[file].exports;
  const module = { exports: {} }, body = texts[file] ?? read(file);
  loaded[file] = module;
  if (file.endsWith('.json')) return (module.exports = JSON.parse(body));
  const requireFrom = (wanted) => { const found = resolve(wanted, file); return found === undefined ? require(wanted) : load(found); };
  const filename = `sandboxd:${file.replace(/\.js$/, '')}`;
  compileFunction(body, ['exports', 'require', 'module'], { filename })(module.exports, requireFrom, module);
  return module.exports;
}

load('worker.js').start(JSON.parse(process.argv[2]), {
  native: (() => { const addon = { exports: {} }; process.dlopen(addon, `${home}/forkserver.node`); return addon.exports; })(),
});
