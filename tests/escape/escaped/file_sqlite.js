// expect: success
// bare: escapes
// a database is a file too, and an extension is a library
const { DatabaseSync } = require('node:sqlite');
const path = `${target.folder}/escaped.db`;
await refused('database', () => new DatabaseSync(path).exec('create table t (a)'), 'ERR_SQLITE_ERROR');
const memory = new DatabaseSync(':memory:', { allowExtension: true });
await refused('attach', () => memory.exec(`attach '${path}' as other; create table other.t (a)`), 'ERR_SQLITE_ERROR');
await refused('vacuum into', () => memory.exec(`vacuum into '${path}'`), 'ERR_SQLITE_ERROR');
await refused('backup', () => require('node:sqlite').backup(memory, path), 'ERR_SQLITE_ERROR');
await refused('extension', () => memory.loadExtension(target.file), 'ERR_SQLITE_ERROR', 'ERR_LOAD_SQLITE_EXTENSION');
return 'contained';
