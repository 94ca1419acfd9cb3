/// GET
return echo()
/// POST
return echo({ method: 'POST' })
/// PUT
return echo({ method: 'PUT' })
/// PATCH
return echo({ method: 'PATCH' })
/// DELETE
return echo({ method: 'DELETE' })
/// OPTIONS
return echo({ method: 'OPTIONS' })
/// post
return echo({ method: 'post' })
/// patch
return echo({ method: 'patch' })
/// PURGE
return echo({ method: 'PURGE' })
/// a query and its escapes
return (await echo({}, '?a=b c&d=é%2F&e[]=1|2')).target
/// the path is normalised
return (await (await fetch(base + '/x/../echo?')).json()).target
/// text
const e = await echo({ method: 'POST', body: 'é' }); return [sent(e), e.headers]
/// JSON
const e = await echo({ method: 'PUT', body: JSON.stringify({ a: 'é' }), headers: { 'Content-Type': 'application/json' } }); return [sent(e), header(e, 'content-type')]
/// bytes, byte for byte
const b = new Uint8Array(768).map((_, i) => i); const e = await echo({ method: 'POST', body: b }); return [[...sent(e)].every((c, i) => c.charCodeAt(0) === b[i]), e.headers]
/// a view of bytes
const e = await echo({ method: 'POST', body: new Uint8Array([0, 97, 98, 99]).subarray(1, 3) }); return sent(e)
/// an ArrayBuffer
return sent(await echo({ method: 'POST', body: new Uint8Array([97, 98]).buffer }))
/// a DataView
return sent(await echo({ method: 'POST', body: new DataView(new Uint8Array([97, 98]).buffer, 1) }))
/// URLSearchParams
const e = await echo({ method: 'POST', body: new URLSearchParams({ a: 'é b', c: '&' }) }); return [sent(e), header(e, 'content-type')]
/// a form of fields
const f = new FormData(); f.append('a', 'é\n'); f.append('b', new File(['x'], 'n"m.txt', { type: 'a/b' })); const e = await echo({ method: 'POST', body: f }); const [type] = header(e, 'content-type'), mark = type.split('boundary=')[1]; return [type.split(';')[0], sent(e).replaceAll(mark, 'MARK').replace(/\d+/g, 'N')]
/// a Blob
const e = await echo({ method: 'POST', body: new Blob(['a', 'b'], { type: 'x/y' }) }); return [sent(e), header(e, 'content-type')]
/// a stream
const body = new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode('ab')); c.enqueue(new TextEncoder().encode('c')); c.close() } }); return sent(await echo({ method: 'POST', body, duplex: 'half' }))
/// a stream must say half
return caught(() => at('/echo', { method: 'POST', body: new ReadableStream() }))
/// a stream that fails
return caught(() => at('/echo', { method: 'POST', duplex: 'half', body: new ReadableStream({ pull() { throw new RangeError('mine') } }) }))
/// a number
return sent(await echo({ method: 'POST', body: 12 }))
/// no body with GET
return caught(() => at('/echo', { body: 'x' }))
/// a used body
const r = new Request(base + '/echo', { method: 'POST', body: 'x' }); await r.text(); return caught(() => fetch(r))
/// a Request
const r = new Request(base + '/echo', { method: 'PUT', body: 'x', headers: { a: 'b' } }); const e = await (await fetch(r)).json(); return [e.method, sent(e), header(e, 'a'), r.bodyUsed]
/// a Request, changed
const r = new Request(base + '/echo', { method: 'PUT', body: 'x', headers: { a: 'b' } }); const e = await (await fetch(r, { method: 'POST', headers: { c: 'd' } })).json(); return [e.method, sent(e), header(e, 'a'), header(e, 'c')]
/// a URL
return (await (await fetch(new URL('/echo?x', base))).json()).target
/// headers
return (await echo({ headers: { 'X-A': ' 1 ', 'x-b': '' } })).headers
/// headers given twice
return header(await echo({ headers: [['X-A', '1'], ['x-a', '2']] }), 'x-a')
/// Headers
const h = new Headers({ a: 'b' }); h.append('A', 'c'); return header(await echo({ headers: h }), 'a')
/// a cookie
return header(await echo({ headers: { Cookie: 'a=b; c=d' } }), 'cookie')
/// authorization
return header(await echo({ headers: { Authorization: 'Bearer x' } }), 'authorization')
/// a header beyond ASCII
return header(await echo({ headers: { a: 'caf\xe9' } }), 'a')
/// a header beyond Latin-1
return caught(() => at('/echo', { headers: { a: '€' } }))
/// a line break in a header
return caught(() => at('/echo', { headers: { a: 'b\r\nX: y' } }))
/// a bad name of a header
return caught(() => at('/echo', { headers: { 'a b': 'c' } }))
/// a range
return (await echo({ headers: { Range: 'bytes=0-1' } })).headers
/// cache modes
return Promise.all(['no-store', 'reload', 'no-cache', 'force-cache'].map(async (cache) => (await echo({ cache })).headers))
/// a referrer
return (await echo({ referrer: 'about:client', referrerPolicy: 'origin' })).headers
/// a method that is forbidden
return Promise.all(['CONNECT', 'trace', 'TRACK', 'a b'].map((method) => caught(() => at('/echo', { method }))))
/// integrity that holds
const text = new TextEncoder().encode('after'), sum = btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest('SHA-256', text)))); return (await at('/early-hints', { integrity: 'sha256-' + sum })).text()
/// integrity that does not
return caught(() => at('/text', { integrity: 'sha256-' + btoa('x'.repeat(32)) }))
/// the same origin alone
return caught(() => at('/text', { mode: 'same-origin' }))
/// no-cors
const r = await at('/text', { mode: 'no-cors' }); return [r.type, r.status]
/// a stream of text
const body = new ReadableStream({ start(c) { c.enqueue('ab'); c.close(); } });
return caught(() => at('/echo', { method: 'POST', body, duplex: 'half' }))
/// a stream of what is no body
const body = new ReadableStream({ start(c) { c.enqueue({}); c.close(); } });
return caught(() => at('/echo', { method: 'POST', body, duplex: 'half' }))
