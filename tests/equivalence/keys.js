// Secrets that native code draws: keys from the thread pool, and the boundary of a form.
const { subtle } = crypto;
const aes = await subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt']);
const pair = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
const hex = (buffer) => Buffer.from(buffer).toString('hex');
return [hex(await subtle.exportKey('raw', aes)), (await subtle.exportKey('jwk', pair.privateKey)).d, new Response(new FormData()).headers.get('content-type')];
