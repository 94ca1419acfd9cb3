// Texts and bytes: UTF-8 both ways, other encodings, streamed pieces, damaged bytes, base64, Buffer.
const encoder = new TextEncoder(), text = 'grüße €100 👋 \u0000 日本語 '.repeat(2000), bytes = encoder.encode(text);
const back = new TextDecoder().decode(bytes) === text;
let hash = 0;
for (const byte of bytes) hash = (Math.imul(hash, 31) + byte) | 0;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
let pieces = '';
for (let i = 0; i < 4000; i += 7) pieces += decoder.decode(bytes.subarray(i, Math.min(i + 7, 4000)), { stream: true });
pieces += decoder.decode();
const damaged = new TextDecoder().decode(new Uint8Array([0x61, 0xff, 0xe2, 0x82, 0x62, 0xf0, 0x9f])).length;
const fatal = (() => { try { return new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xff])); } catch (error) { return error.name; } })();
const others = [['utf-16le', [0x41, 0, 0xac, 0x20]], ['windows-1252', [0x80, 0xe4]], ['shift_jis', [0x93, 0xfa]], ['gb18030', [0xc4, 0xe3]]].map(([name, raw]) => new TextDecoder(name).decode(new Uint8Array(raw)));
const into = encoder.encodeInto('€€€', new Uint8Array(7));
const binary = String.fromCharCode(...bytes.subarray(0, 3000)), round = atob(btoa(binary)) === binary;
const refused = (() => { try { return btoa('€'); } catch (error) { return error.name; } })();
const buffer = Buffer.from(text), forms = ['hex', 'base64', 'base64url', 'latin1', 'utf16le'].map((form) => Buffer.from(buffer.toString(form), form).length);
return [back, hash, pieces.length, damaged, fatal, others, into.read, into.written, round, refused, forms, Buffer.concat([buffer, buffer]).indexOf('日本'), Buffer.from('abc').readUInt16BE(1)].join();
