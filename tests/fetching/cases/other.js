/// nothing at all
return caught(() => fetch())
/// what is no URL
return caught(() => fetch('http://'))
/// a relative URL
return caught(() => fetch('/echo'))
/// a URL with a password
return caught(() => fetch('http://u:p@127.0.0.1/'))
/// another scheme
return Promise.all(['ftp://a/', 'file:///etc/passwd', 'about:blank', 'ws://a/', 'x:y'].map((url) => caught(() => fetch(url))))
/// a bad port
return caught(() => fetch('http://127.0.0.1:25/'))
/// nobody there
return caught(() => fetch('http://127.0.0.1:2/'))
/// what is no HTTP
return caught(() => at('/garbage'))
/// an end before the answer
return caught(() => at('/closed'))
/// data:
const r = await fetch('data:text/plain;charset=utf-8;base64,aGk'); return [await r.text(), shown(r), r.headers.get('content-type')]
/// data: without a type
const r = await fetch('data:,a%20b#c'); return [await r.text(), r.headers.get('content-type')]
/// blob:
const url = URL.createObjectURL(new Blob(['hi'], { type: 'x/y' })), r = await fetch(url); return [await r.text(), r.headers.get('content-type'), r.headers.get('content-length'), r.status]
/// many at once
return Promise.all(Array.from({ length: 40 }, async (_, i) => (await echo({}, '?' + i)).target))
/// one after the other
const got = []; for (let i = 0; i < 10; i++) got.push((await echo({}, '?' + i)).target); return got
/// it is a promise
const p = at('/text'); return [p instanceof Promise, fetch.length, fetch.name, (await p).status]
/// an option that is none
return caught(() => at('/echo', { redirect: 'sometimes' }))
/// options that are none
return caught(() => at('/echo', 5))
/// a thrown getter
try { await at('/echo', { get method() { throw 7 } }) } catch (e) { return e }
