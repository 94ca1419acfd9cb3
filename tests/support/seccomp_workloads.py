"""What user code does that reaches the kernel. Each returns true."""

from typing import Final

ANY: Final = {
    "value": "return 1 + 1 === 2",
    "console": "for (let i = 0; i < 3000; i++) console.log('line ' + i); return true",
    "garbage": """
        let a = []; for (let i = 0; i < 400000; i++) { a.push({i, s: 'x' + i});
        if (i % 100000 === 0) a = []; } return true
    """,
    "buffers": "for (let i = 0; i < 40; i++) new Uint8Array(8e6).fill(1); return true",
    "one large string": "return 'x'.repeat(3e7).split('').length === 3e7",
    "timers": """
        let n = 0; for (let i = 0; i < 20; i++) await new Promise(r => setTimeout(() => { n++;
        r(); }, 3)); return n === 20
    """,
    "dates": "return new Date(0).toLocaleString('en-US', {timeZone: 'Europe/Berlin'}).length > 5",
    "random": "return Math.random() < 1 && (typeof crypto === 'undefined' || crypto.randomUUID().length === 36)",
    "regular expression": "return /^(\\w+\\s?)*$/.test('many words and then more words') ",
    "optimised loop": "let s = 0; for (let i = 0; i < 2e7; i++) s = (s + i * 7) | 0; return s !== 0.5",
    "deep recursion": """
        function f(n) { return n === 0 ? 0 : 1 + f(n - 1); } try { f(1e7);
        } catch (e) { return e instanceof RangeError; }
    """,
    "shared memory": "const s = new Int32Array(new SharedArrayBuffer(8)); return Atomics.wait(s, 0, 0, 5) === 'timed-out'",
    "clone": "return structuredClone({a: new Map([[1, [2]]])}).a.get(1)[0] === 2",
    "large clone": "return structuredClone(new Array(3e5).fill('twelve bytes')).length === 3e5",
    "finalisation": """
        new FinalizationRegistry(() => {}).register({}, 1); let x = []; for (let i = 0; i < 1e6;
        i++) x.push([i]); return true
    """,
}

WITH_JIT: Final = {
    "WebAssembly": """
        const bytes = new Uint8Array([0,97,115,109,1,0,0,0,1,7,1,96,2,127,127,1,127,3,2,1,0,5,3,1,0,1,7,7,1,3,97,100,100,0,0,
                                      10,9,1,7,0,32,0,32,1,106,11]);
        const module = await WebAssembly.compile(bytes), {exports} = await WebAssembly.instantiate(module);
        const memory = new WebAssembly.Memory({initial: 1, maximum: 200}); memory.grow(100);
        return exports.add(2, 3) === 5
    """,
    "WebAssembly trap": """
        const bytes = new Uint8Array([0,97,115,109,1,0,0,0,1,5,1,96,0,1,127,3,2,1,0,5,3,1,0,1,7,5,1,1,102,0,0,
                                      10,12,1,10,0,65,255,255,255,127,40,2,0,11]);
        const {instance} = await WebAssembly.instantiate(bytes);
        try { instance.exports.f(); } catch (e) { return e instanceof WebAssembly.RuntimeError; }
    """,
}

WITH_THREADS: Final = {
    "digest": "return (await crypto.subtle.digest('SHA-256', new Uint8Array(1e6))).byteLength === 32",
    "keys": """
        const pair = await crypto.subtle.generateKey({name: 'ECDSA', namedCurve: 'P-256'}, true, ['sign', 'verify']);
        const signed = await crypto.subtle.sign({name: 'ECDSA', hash: 'SHA-256'}, pair.privateKey, new Uint8Array(9));
        return signed.byteLength === 64
    """,
    "compression": """
        const stream = new CompressionStream('gzip'), writer = stream.writable.getWriter();
        writer.write(new Uint8Array(1e6)); writer.close();
        return (await new Response(stream.readable).arrayBuffer()).byteLength > 100
    """,
}

ALL: Final = {**ANY, **WITH_JIT, **WITH_THREADS}
