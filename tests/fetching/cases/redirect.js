/// POST and 301
return moved('POST', 301)
/// POST and 302
return moved('POST', 302)
/// POST and 303
return moved('POST', 303)
/// POST and 307
return moved('POST', 307)
/// POST and 308
return moved('POST', 308)
/// PUT and 301
return moved('PUT', 301)
/// PUT and 302
return moved('PUT', 302)
/// PUT and 303
return moved('PUT', 303)
/// PUT and 307
return moved('PUT', 307)
/// PUT and 308
return moved('PUT', 308)
/// GET and 301
return moved('GET', 301)
/// GET and 302
return moved('GET', 302)
/// GET and 303
return moved('GET', 303)
/// GET and 307
return moved('GET', 307)
/// GET and 308
return moved('GET', 308)
/// twenty
const r = await at('/chain?20'); return [await r.text(), shown(r)]
/// twenty-one
return caught(() => at('/chain?21'))
/// a loop
return caught(() => at('/loop'))
/// manual
const r = await at('/asked?code=302&to=/echo&body=x', { redirect: 'manual' }); return [shown(r), r.headers.get('location'), await r.text()]
/// error
return caught(() => at('/asked?code=302&to=/echo', { redirect: 'error' }))
/// error without one
return shown(await at('/text', { redirect: 'error' }))
/// no Location
const r = await at('/no-location'); return [shown(r), await r.text()]
/// a bad Location
return caught(() => at('/bad-location'))
/// to a file
return caught(() => at('/file-location'))
/// to data
return caught(() => at('/data-location'))
/// beyond ASCII
return (await (await at('/utf8-location')).json()).target
/// relative
const r = await at('/from/a/'); return [shown(r), await r.text()]
/// its fragment
return (await at('/fragment-location')).url.replace(base, '')
/// our fragment
return (await at('/asked?code=302&to=/text#here')).url.replace(base, '')
/// with a password
return caught(() => at('/password-location'))
/// across origins
const r = await at('/asked?code=307&to=' + base.replace('127.0.0.1', 'localhost') + '/echo', { method: 'POST', body: 'x', headers: { Authorization: 'a', Cookie: 'b', 'X-C': 'd' } }); return (await r.json()).headers
/// of a stream
const body = new ReadableStream({ start(c) { c.enqueue(new Uint8Array([97])); c.close() } }); return caught(() => at('/asked?code=307&to=/echo', { method: 'POST', body, duplex: 'half' }))
