// Headers, Request, Response, FormData, Blob, File without a network: bodies, clones, forms there and back.
const headers = new Headers([['B', '2'], ['a', '1'], ['b', '3']]);
headers.append('set-cookie', 'x=1'); headers.append('set-cookie', 'y=2');
const request = new Request('https://x.test/p', { method: 'POST', body: JSON.stringify({ n: 1 }), headers });
const copy = request.clone(), body = await request.json(), used = [request.bodyUsed, copy.bodyUsed, await copy.text()];
const response = new Response(new Blob(['part one, ', new Uint8Array([0x74, 0x77, 0x6f])]), { status: 201, headers: { 'x-y': 'z' } });
const text = await response.text(), json = await Response.json({ a: [1] }, { status: 202 }).json();
const form = new FormData();
form.append('field', 'välue'); form.append('file', new File(['content'], 'name.txt', { type: 'text/plain' })); form.append('field', 'second');
const back = await new Response(form).formData(), file = back.get('file');
const pairs = await new Response(new URLSearchParams('q=1&r=%C3%A4')).formData();
const blob = new Blob(['0123456789'.repeat(3000)], { type: 'X/Y' }), part = await blob.slice(5, 25, 'a/b').text();
let streamed = 0;
for await (const chunk of blob.stream()) streamed += chunk.length;
const refused = [() => new Response('', { status: 99 }), () => new Request('nonsense'), () => new Headers({ 'bad name': '1' }), () => new Response('x', { status: 204 })].map((f) => { try { f(); return 'made'; } catch (error) { return error.name; } });
const twice = await response.text().catch((error) => error.name);
return [[...headers], body.n, used, text, json.a, back.getAll('field'), file.name, file.type, await file.text(), pairs.get('r'), part, blob.type, streamed, refused, twice, Response.error().type].join();
