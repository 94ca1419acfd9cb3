// expect: timeout,success
// native work that JavaScript cannot stop
const { pbkdf2, scrypt, generateKeyPair } = require('crypto');
for (let i = 0; i < 64; i++) { pbkdf2('a', 'b', 2 ** 31 - 1, 64, 'sha512', () => {}); generateKeyPair('rsa', { modulusLength: 8192 }, () => {}); }
await new Promise(() => {});
