// expect: success,crashed,timeout
// module hooks run on a thread of their own
const module = require('module');
try { module.register('data:text/javascript,export const load = () => { throw new Error() }'); } catch {}
for (const what of ['data:text/javascript,export default 1', `file://${target.file}`, 'https://127.0.0.1/escaped.js']) {
  try { const found = await import(what); if (!what.startsWith('data:')) escaped(what); } catch (e) { if (String(e).includes('ESCAPED')) throw e; }
}
return 'contained';
