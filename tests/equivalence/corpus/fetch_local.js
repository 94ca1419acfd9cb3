// fetch where no network is needed: data: and blob: URLs, codings undone by streams, and what is refused before anybody is asked.
const parts = [];
for (const url of ['data:,plain%20text', 'data:text/x;charset=utf-8;base64,w6nCog==', 'data:application/json,{"a":[1,2]}']) {
  const response = await fetch(url);
  parts.push(response.status, response.type, response.headers.get('content-type'), await response.text());
}
const url = URL.createObjectURL(new Blob(['0123456789'.repeat(1000)], { type: 'x/y' }));
const blob = await fetch(url), range = await fetch(url, { headers: { Range: 'bytes=5-14' } });
parts.push(blob.headers.get('content-length'), (await blob.arrayBuffer()).byteLength, range.status, await range.text());
URL.revokeObjectURL(url);
const refused = [() => fetch(), () => fetch('nonsense'), () => fetch('ftp://a/'), () => fetch('http://127.0.0.1:25/'), () => fetch('http://u:p@a/'), () => fetch('data:,x', { method: 'TRACE' }), () => fetch(url), () => fetch('data:,x', { signal: AbortSignal.abort() })];
for (const f of refused) parts.push(await f().then(() => 'answered', (error) => error.name));
const form = new FormData();
form.append('a', 'b');
const request = new Request('data:,x', { method: 'POST', body: form }), again = await request.clone().formData();
parts.push(again.get('a'), request.bodyUsed, (await (await fetch('data:,' + 'x'.repeat(5000))).text()).length);
const seen = [];
for await (const chunk of (await fetch('data:,streamed')).body) seen.push(...chunk);
return [...parts, String.fromCharCode(...seen)].join();
