// Draws what must be new in each execution, and spoils the sources for whoever would come after.
const now = performance.now(), { timeOrigin } = performance, date = Date.now(), stamp = new Event('drawn').timeStamp;
const random = Array.from({ length: 8 }, Math.random), words = [...crypto.getRandomValues(new Uint32Array(8))];
const ids = [crypto.randomUUID(), crypto.randomUUID(), String(crypto.getRandomValues(new BigUint64Array(1))[0])];
Math.random = () => 0.5; Date.now = () => 0; performance.now = () => 1e9; crypto.randomUUID = () => 'residue';
return { now, timeOrigin, date, stamp, random, words, ids };
