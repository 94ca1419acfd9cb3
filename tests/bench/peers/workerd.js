/* workerd: each request loads its code into a fresh dynamic isolate without a name, so that none is used again. */
const program = (code) => `export default { async fetch() {
const results = {}, logs = [];
const console = { log: (...parts) => logs.push(parts.join(' ')) };
await (async () => {${code}
})();
return new Response(JSON.stringify({ results, logs }), { headers: { 'content-type': 'application/json' } });
} };`;

export default {
  async fetch(request, env) {
    const { code } = await request.json();
    const worker = env.LOADER.load({
      compatibilityDate: '2026-01-01',
      mainModule: 'main.js',
      modules: { 'main.js': program(code) },
      globalOutbound: null,
    });
    return worker.getEntrypoint().fetch('http://worker/');
  },
};
