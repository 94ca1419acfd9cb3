// crypto.subtle, which works on the thread pool: digests, signatures, ciphers and derived keys with fixed keys; many at once.
const { subtle } = crypto, bytes = (text) => new TextEncoder().encode(text);
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('').slice(0, 24);
const data = bytes('sandbox '.repeat(20_000));
const digests = await Promise.all(['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'].flatMap((name) => [subtle.digest(name, data), subtle.digest(name, data.slice(1))]));
const mac = await subtle.importKey('raw', bytes('key'), { name: 'HMAC', hash: 'SHA-256' }, true, ['sign', 'verify']);
const signature = await subtle.sign('HMAC', mac, data), valid = await subtle.verify('HMAC', mac, signature, data);
const aes = await subtle.importKey('raw', bytes('0123456789abcdef'), 'AES-GCM', false, ['encrypt', 'decrypt']);
const sealed = await subtle.encrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, aes, data);
const opened = await subtle.decrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, aes, sealed);
const forged = await subtle.decrypt({ name: 'AES-GCM', iv: new Uint8Array(12).fill(1) }, aes, sealed).catch((error) => error.name);
const secret = await subtle.importKey('raw', bytes('password'), 'PBKDF2', false, ['deriveBits']);
const derived = await subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: bytes('salt'), iterations: 2000 }, secret, 256);
const material = await subtle.importKey('raw', bytes('material'), 'HKDF', false, ['deriveBits']);
const expanded = await subtle.deriveBits({ name: 'HKDF', hash: 'SHA-512', salt: bytes('s'), info: bytes('i') }, material, 256);
const jwk = await subtle.exportKey('jwk', mac);
return [...digests.map(hex), hex(signature), valid, hex(sealed), opened.byteLength, forged, hex(derived), hex(expanded), jwk.k].join();
