// Everything that console can print, in one place: the lines are part of what must be equal.
class Point { x = 1; #hidden = 2; get y() { return 3; } }
const circular = { name: 'loop' };
circular.self = circular;
console.log('plain', 1, -0, 1n, NaN, null, undefined, true, Symbol('s'));
console.info('%s is %d years and %i, %f, %j %o %O %c%%', 'Ann', 42.5, 42.5, 1.5, { a: 1 }, [1], { b: { c: {} } }, 'css', 'rest');
console.warn([1, 'two', [3, [4, [5, [6]]]]], { a: 1, b: { c: { d: { e: { f: 1 } } } } });
console.error(new TypeError('wrong'), new Error('outer', { cause: 1 }));
console.debug(new Map([['k', { v: 1 }]]), new Set([1, 'x']), new WeakMap(), new Point(), circular);
console.log(function named() {}, class A extends Point {}, async () => {}, Math, globalThis === undefined, Object.create(null));
console.log(new Uint8Array(3), new ArrayBuffer(2), new Date(0), /re/g, new Proxy({ p: 1 }, {}), Promise.resolve(5), [, 1, , 2]);
console.log(new Array(150).fill(7), 'x'.repeat(200), { text: "it's", multi: 'a\nb' }, [undefined, null], new URL('https://x.test/p'));
console.group('group'); console.log('inside\ntwo lines'); console.group(); console.warn('deeper'); console.groupEnd(); console.groupEnd();
console.count(); console.count('named'); console.count(); console.countReset(); console.count();
console.assert(true, 'silent'); console.assert(false, 'loud', 1); console.assert(false);
console.dir({ d: 1 }, { depth: 0 }); console.table([{ a: 1 }, { a: 2 }]); console.trace('here');
console.log(); console.log(''); console.log('%s'); console.log('100%', 5); console.log('\u0000\u001b[31m\ud800');
let lines = 0;
for (; lines < 200; lines++) console.log('line', lines, { lines });
return String(lines);
