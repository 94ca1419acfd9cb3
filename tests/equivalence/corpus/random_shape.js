// Sources of randomness: not what they give, which differs each time, but its shape, its spread, and what they refuse.
const values = Array.from({ length: 4096 }, Math.random), inside = values.every((value) => value >= 0 && value < 1);
const bytes = crypto.getRandomValues(new Uint8Array(65_536)), kinds = new Set(bytes).size;
const ids = Array.from({ length: 500 }, () => crypto.randomUUID());
const shaped = ids.every((id) => /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/.test(id));
const refused = [new Uint8Array(65_537), new Float64Array(1)].map((array) => { try { crypto.getRandomValues(array); return 'given'; } catch (error) { return error.name; } });
const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt']);
const raw = await crypto.subtle.exportKey('raw', key);
return [inside, new Set(values).size, kinds, shaped, new Set(ids).size, ...refused, raw.byteLength].join();
