/// status, text, type, url
return shown(await at('/text?a=b#c'))
/// a status of its own
return shown(await at('/asked?code=299&reason=Very%20fine'))
/// an error is an answer
return shown(await at('/nowhere'))
/// 500 too
const r = await at('/asked?code=500&reason=&body=oops'); return [shown(r), await r.text()]
/// headers
const { headers } = await at('/headers'); return [...headers].filter(([name]) => name !== 'content-length')
/// set-cookie stays apart
return (await at('/headers')).headers.getSetCookie()
/// headers cannot be changed
const r = await at('/text'); try { r.headers.set('a', 'b') } catch (e) { return [e.name, e.message] }
/// headers of a copy can
const r = new Response('x', await at('/headers')); r.headers.set('x-two', '3'); return [r.headers.get('x-two'), r.type, r.url]
/// what it is
const r = await at('/text'); return [r instanceof Response, Object.prototype.toString.call(r), r.body instanceof ReadableStream, r.headers instanceof Headers]
