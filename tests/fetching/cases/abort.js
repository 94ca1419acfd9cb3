/// before
return caught(() => at('/echo', { signal: AbortSignal.abort() }))
/// before, with a reason
const why = { own: 1 }; try { await at('/echo', { signal: AbortSignal.abort(why) }) } catch (e) { return [e === why, e.own] }
/// while it waits
const c = new AbortController(); setTimeout(() => c.abort(), 30); return caught(() => at('/never', { signal: c.signal }))
/// while it waits, with a reason
const c = new AbortController(), why = new RangeError('mine'); setTimeout(() => c.abort(why), 30); try { await at('/never', { signal: c.signal }) } catch (e) { return e === why }
/// at once
const c = new AbortController(), p = caught(() => at('/echo', { signal: c.signal })); c.abort(); return p
/// by a timeout
return caught(() => at('/never', { signal: AbortSignal.timeout(30) }))
/// by any of several
const c = new AbortController(); setTimeout(() => c.abort('x'), 30); try { await at('/never', { signal: AbortSignal.any([c.signal, new AbortController().signal]) }) } catch (e) { return e }
/// of the body
const c = new AbortController(), r = await at('/gzip-big', { signal: c.signal }); c.abort(); return [r.status, await caught(() => r.text())]
/// too late
const c = new AbortController(), r = await at('/text', { signal: c.signal }), t = await r.text(); c.abort(); return t.length
/// of a Request's own signal
const c = new AbortController(), r = new Request(base + '/never', { signal: c.signal }); setTimeout(() => c.abort(), 30); return [r.signal.aborted, await caught(() => fetch(r)), r.signal.aborted]
/// of one of two
const c = new AbortController(); const a = caught(() => at('/never', { signal: c.signal })), b = at('/text'); c.abort(); return [await a, (await b).status]
