/// gzip
return decoded('/gzip')
/// x-gzip
return decoded('/x-gzip')
/// deflate
return decoded('/deflate')
/// raw-deflate
return decoded('/raw-deflate')
/// br
return decoded('/br')
/// twice
return decoded('/twice')
/// gzip-members
return decoded('/gzip-members')
/// gzip-nothing
return decoded('/gzip-nothing')
/// unknown-coding
return decoded('/unknown-coding')
/// identity
return decoded('/identity')
/// a large coding
const t = await (await at('/gzip-big')).text(); return [t.length, t.slice(-5)]
/// a coding that is broken
const r = await at('/gzip-broken'); return [r.status, await caught(() => r.text())]
/// the cause of a broken coding
try { await (await at('/gzip-broken')).text() } catch (e) { return [e.cause.code, e.cause.message] }
/// a coding that is cut off
return (await (await at('/gzip-cut')).text()).slice(0, 6)
