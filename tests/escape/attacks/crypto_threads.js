// expect: timeout,error
// work on Node's thread pool that the main thread does not do itself
const key = await crypto.subtle.importKey("raw", new Uint8Array(32), "PBKDF2", false, ["deriveBits"]); return (await Promise.all(Array.from({ length: 32 }, () => crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-512", salt: new Uint8Array(16), iterations: 2e9 }, key, 512)))).length;
