/// text
return (await at('/text')).text()
/// json
return (await at('/json')).json()
/// what is no JSON
return (await caught(async () => (await at('/not-json')).json()))[1]
/// a byte order mark
return [await (await at('/bom')).json(), (await (await at('/bom')).text()).length]
/// text is UTF-8 whatever the header says
return (await at('/latin1')).text()
/// an ArrayBuffer, byte for byte
return [...new Uint8Array(await (await at('/bytes')).arrayBuffer())]
/// bytes
const b = await (await at('/bytes')).bytes(); return [b instanceof Uint8Array, b.length, b[255]]
/// a Blob and its type
const b = await (await at('/bytes')).blob(); return [b.size, b.type, (await b.slice(254, 257).arrayBuffer()).byteLength]
/// a form
const f = await (await at('/form')).formData(); return [...f]
/// a form of parts
const f = (await (await at('/multipart')).formData()).get('f'); return [f.name, f.type, await f.text()]
/// a stream
let n = 0; for await (const part of (await at('/bytes')).body) n += part.length; return n
/// a reader
const r = (await at('/text')).body.getReader(); let n = 0; for (;;) { const { done, value } = await r.read(); if (done) return n; n += value.length; }
/// a body is read once
const r = await at('/text'); await r.text(); return [r.bodyUsed, await caught(() => r.text())]
/// a clone has a body of its own
const r = await at('/text'), c = r.clone(); return [await r.text() === await c.text(), c.url.replace(base, ''), c.headers.get('content-type')]
/// no clone of a used body
const r = await at('/text'); await r.text(); try { r.clone() } catch (e) { return e.name }
/// a locked body
const r = await at('/text'); r.body.getReader(); return [r.bodyUsed, r.body.locked, (await caught(() => r.text()))[1]]
/// a body may be cancelled
const r = await at('/text'); await r.body.cancel(); return [r.bodyUsed, (await caught(() => r.text()))[1]]
/// a body piped through
return (await new Response((await at('/text')).body.pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream())).text()).length
/// an empty body
const r = await at('/empty'); return [await r.text(), shown(r)]
/// 204 has no body
const r = await at('/no-content'); return [r.body, await r.text(), r.headers.get('x-a'), shown(r)]
/// 304 has no body
const r = await at('/not-modified'); return [r.body, await r.text(), shown(r)]
/// HEAD has none
const r = await at('/echo', { method: 'HEAD' }); return [r.body, await r.text(), r.headers.get('content-length'), shown(r)]
/// chunks are joined
const r = await at('/chunked'); return [await r.text(), r.headers.get('x-t')]
/// hints come before
return (await at('/early-hints')).text()
