'use strict';

/** Real JavaScript: the function bodies and whole files of the npm that comes with Node. */

const fs = require('node:fs');
const path = require('node:path');
const acorn = require('acorn');

const ROOTS = ['lib/node_modules/npm', 'lib/node_modules'].map((name) => path.join(path.dirname(process.execPath), '..', name));
const MAX_LENGTH = 10_240;

function* files(folder) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const name = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* files(name);
    else if (/\.[cm]?js$/.test(entry.name)) yield name;
  }
}

function* functions(node) {
  if (!node || typeof node !== 'object') return;
  if (Array.isArray(node)) {
    for (const item of node) yield* functions(item);
    return;
  }
  if (/Function/.test(node.type) && node.body.type === 'BlockStatement') yield node.body;
  for (const key of Object.keys(node)) yield* functions(node[key]);
}

/** @returns {string[]} distinct texts of at most 10 KB, not judged; empty when this Node has no npm beside it */
function bodies() {
  const root = ROOTS.find((folder) => fs.existsSync(folder));
  const texts = new Set();
  for (const name of root ? files(root) : []) {
    const text = fs.readFileSync(name, 'utf8');
    texts.add(text);
    try {
      const ast = acorn.parse(text, { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true, allowReturnOutsideFunction: true });
      for (const { start, end } of functions(ast)) texts.add(text.slice(start + 1, end - 1));
    } catch {
      // sloppy code that is no module: the whole text is enough
    }
  }
  return [...texts].filter(({ length }) => length <= MAX_LENGTH);
}

module.exports = { bodies };
