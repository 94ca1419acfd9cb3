/* What the cases share; `base` is the upstream's origin. */
const at = (path, init) => fetch(base + path, init);
const echo = async (init, query = '') => (await at('/echo' + query, init)).json();
const header = ({ headers }, name) => headers.filter(([each]) => each === name).map(([, value]) => value);
const sent = ({ body }) => atob(body);
const shown = (r) => [r.status, r.statusText, r.ok, r.type, r.redirected, r.url.replace(base, ''), r.bodyUsed];
async function caught(f) {
  try { await f(); return 'nothing'; } catch (e) { return [e instanceof TypeError, e.name, e.message.split(':')[0]]; }
}
async function decoded(path) {
  const r = await at(path);
  return [await r.text(), r.headers.get('content-encoding'), r.headers.get('content-length')];
}
async function moved(method, code) {
  const body = method === 'GET' ? undefined : 'x';
  const r = await at(`/asked?code=${code}&to=/echo`, { method, body, headers: { 'Content-Type': 'a/b', 'X-A': 'c' } }), e = await r.json();
  return [shown(r), e.method, sent(e), e.headers];
}
