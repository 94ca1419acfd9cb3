'use strict';
/* The native module's functions with good and hostile arguments: node drive.js MODULE CASE FOLDER. Exits with 0, or with 7 where
 * the case is about exiting. Whatever a wrong argument meets, it is an error that can be caught, never memory. */
const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const { join } = require('node:path');

const [, , file, which, folder] = process.argv;
const load = () => { const addon = { exports: {} }; process.dlopen(addon, file); return addon.exports; };
const native = load();
const { CORE, CAP, INSTRUCTIONS } = { CORE: 4, CAP: 64 << 20, INSTRUCTIONS: 4096 };
const ALLOW = Buffer.from('060000000000ff7f', 'hex');

const header = (size) => { const bytes = Buffer.alloc(4); bytes.writeUInt32BE(size); return bytes; };
const written = (...parts) => { const path = join(folder, 'frames'); fs.writeFileSync(path, Buffer.concat(parts)); return fs.openSync(path, 'r'); };
function echoed(text) {
  const path = join(folder, 'echo');
  const out = fs.openSync(path, 'w');
  native.writeFrame(out, text);
  fs.closeSync(out);
  const back = fs.openSync(path, 'r');
  try { return native.readFrame(back, CAP); } finally { fs.closeSync(back); }
}

function detached() {
  const buffer = new ArrayBuffer(8), view = new Uint8Array(buffer);
  structuredClone(buffer, { transfer: [buffer] });
  return view;
}
const shrunk = () => { const buffer = new ArrayBuffer(64, { maxByteLength: 64 }), view = Buffer.from(buffer); buffer.resize(8); return view; };
const touchy = { valueOf() { throw new Error('asked'); }, toString() { throw new Error('asked'); } };
const NUMBERS = [-1, 99, 1e9, NaN, Infinity, -Infinity, 0.5, 2 ** 31, 2 ** 32 + 1, -(2 ** 53), 2 ** 53, -0];
const OTHERS = [undefined, null, true, '', 'x', 7n, Symbol('s'), {}, [], touchy, () => 1, new Proxy({}, {}), new Date(NaN), Buffer.alloc(0), new Uint8Array(3)];
const HOSTILE = [...NUMBERS, ...OTHERS];

const cases = {
  frames() {
    for (const text of ['', 'x', '\0', 'é€😀', 'a\0b', 'x'.repeat(1 << 20), '€'.repeat(1 << 20), '{"a":[1,2,{"b":"\\u0000"}]}']) assert.strictEqual(echoed(text), text);
    assert.strictEqual(echoed('\ud800a\udfff'), '�a�');
    assert.strictEqual(echoed('x' + 'y'.repeat(99) + '€'), 'x' + 'y'.repeat(99) + '€');
    for (const size of [1000, 50_000]) {                     // around the buffer for small ones, and beyond it
      for (let more = 0; more < 30; more++) {
        for (const end of ['', 'é', '€', '😀', '😀é', '€€', 'é'.repeat(2000)]) {
          const text = 'x'.repeat(size + more) + end;
          assert.ok(echoed(text) === text && echoed(end + text) === end + text, `${size + more} and ${end}`);
        }
      }
    }
  },

  hostile_frames() {
    const read = (cap, ...parts) => { const fd = written(...parts); try { return native.readFrame(fd, cap); } finally { fs.closeSync(fd); } };
    assert.strictEqual(read(CAP), null);
    for (const length of [1, 2, 3]) assert.strictEqual(read(CAP, Buffer.alloc(length)), null);
    assert.strictEqual(read(CAP, header(10), Buffer.from('short')), null);
    assert.strictEqual(read(0, header(0)), '');
    assert.throws(() => read(9, header(10), Buffer.alloc(10)), RangeError);
    for (const size of [2 ** 31, 2 ** 32 - 1]) assert.throws(() => read(CAP, header(size)), RangeError);
    assert.strictEqual(read(2 ** 32 - 1, header(2 ** 31)), null);
    assert.strictEqual(read(CAP, header(4), Buffer.from('fffe80c0', 'hex')), '����');
    assert.strictEqual(read(CAP, header(3), Buffer.from('eda080', 'hex')).length, 3);
    assert.throws(() => read(2 ** 31, header(600 << 20), Buffer.alloc(600 << 20)), /cannot be made a string/);
  },

  descriptors() {
    for (const fd of [-1, 99, 2 ** 31 - 1]) {
      assert.throws(() => native.readFrame(fd, 10), /read: Bad file descriptor/);
      assert.throws(() => native.writeFrame(fd, 'x'), /write: Bad file descriptor/);
    }
    const closed = written(header(1));
    assert.throws(() => native.writeFrame(closed, 'x'), /write: Bad file descriptor/);
    const directory = fs.openSync(folder, 'r');
    assert.throws(() => native.readFrame(directory, 10), /read: Is a directory/);
    const full = fs.openSync('/dev/full', 'w');
    assert.throws(() => native.writeFrame(full, 'x'), /write: No space left on device/);
  },

  arguments() {
    for (const name of ['readFrame', 'writeFrame', 'setLimit', 'limitHeap', 'installFilter', 'watchable', 'watch']) {
      assert.throws(() => native[name](), TypeError);
      assert.throws(() => new native[name](), TypeError);
      assert.throws(() => Reflect.apply(native[name], undefined, new Array(5000)), TypeError);
      for (const value of OTHERS) {
        assert.throws(() => native[name](value), TypeError);
        if (name !== 'installFilter') assert.throws(() => native[name](value, value), TypeError);
      }
    }
    for (const value of [...NUMBERS, ...OTHERS.filter((value) => typeof value !== 'string')]) assert.throws(() => native.writeFrame(-1, value), TypeError);
    assert.throws(() => native.writeFrame.call(touchy, -1, 'x', 1, 2, 3), /Bad file/);
  },

  limits() {
    assert.strictEqual(native.setLimit(CORE, 1e6), undefined);
    assert.strictEqual(native.setLimit(CORE, 0.9), undefined);
    assert.throws(() => native.setLimit(CORE, -1), TypeError);
    for (const which of [-1, 99, 2 ** 31 - 1]) assert.throws(() => native.setLimit(which, 1), /setrlimit: Invalid argument/);
  },

  heap() {
    const { getHeapStatistics } = require('v8'), limit = () => getHeapStatistics().heap_size_limit, first = limit(), wanted = first / 2;
    for (const value of [0, -1, NaN, -(2 ** 53)]) assert.throws(() => native.limitHeap(value), TypeError);
    for (const most of [2 ** 53, first]) { native.limitHeap(most); assert.strictEqual(limit(), first); }
    native.limitHeap(wanted);
    assert.ok(limit() < first && limit() >= wanted, `${limit()} of ${first}`);
    const lower = limit();
    native.limitHeap(first);
    assert.strictEqual(limit(), lower);                                  // never up
    native.limitHeap(1);
    assert.ok(limit() > getHeapStatistics().used_heap_size, 'what is in use stays');
    let n = 0;
    for (let i = 0; i < 1e6; i++) n += [i].length;
    assert.strictEqual(n, 1e6);
  },

  filters() {
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(7), Buffer.alloc(9), Buffer.alloc(8 * (INSTRUCTIONS + 1)), new DataView(new ArrayBuffer(8)), detached(), new ArrayBuffer(8)]) {
      assert.throws(() => native.installFilter(bytes), Error);
    }
    assert.throws(() => native.installFilter(Buffer.alloc(8 * INSTRUCTIONS)), /seccomp: /);
    assert.throws(() => native.installFilter(Buffer.alloc(64, 0xff)), /seccomp: /);
    try { native.installFilter(shrunk()); } catch (problem) { assert.ok(problem instanceof Error); }
    try {
      native.installFilter(ALLOW);
      native.installFilter(new Uint8Array(ALLOW));
    } catch (problem) { assert.match(String(problem), /seccomp: Permission denied/); }   // without no_new_privs, an ordinary user
    assert.strictEqual(echoed('x'), 'x');
  },

  twice() {
    assert.strictEqual(load().readFrame.length, native.readFrame.length);
    const { Worker } = require('node:worker_threads');
    const code = `const a = { exports: {} }; process.dlopen(a, ${JSON.stringify(file)}); try { a.exports.readFrame(-1, 1); } catch {}`;
    for (let n = 0; n < 3; n++) new Worker(code, { eval: true }).on('error', (problem) => { throw problem; });
  },

  /* The same numbers each time. Descriptors are never ones that could block, limits never ones that could end us. */
  any() {
    let state = 42;
    const pick = (list) => list[(state = (Math.imul(state, 1103515245) + 12345) >>> 0) % list.length];
    const own = written(header(3), Buffer.from('abc'), Buffer.alloc(1000, 1));
    for (let n = 0; n < 20000; n++) {
      const args = Array.from({ length: pick([0, 1, 2, 2, 2, 3]) }, () => pick(HOSTILE));
      const name = pick(['readFrame', 'writeFrame', 'setLimit', 'installFilter']);
      if (name === 'setLimit') args[0] = pick([-1, 99, ...OTHERS]);
      else if (name === 'readFrame' && pick([true, false])) args[0] = own;
      else if (name.endsWith('Frame')) args[0] = pick([-1, 99, ...OTHERS]);
      try { native[name](...args); } catch (problem) { assert.ok(problem instanceof Error, String(problem)); }
    }
  },

  /* On descriptor 3, which does not block, with an other end that takes its time. */
  channel() {
    assert.strictEqual(native.readFrame(3, CAP), 'late');
    native.writeFrame(3, 'x'.repeat(4 << 20));
    assert.strictEqual(native.readFrame(3, CAP), null);
    assert.throws(() => native.writeFrame(3, 'x'), /write: Broken pipe/);
  },

  /* A pipe to ourselves; callbacks that change what is called, and one that throws. */
  waking() {
    assert.throws(() => native.watchable(written(header(0))), /operation not permitted/);
    for (const fd of [-1, 99, 2 ** 31 - 1]) assert.throws(() => native.watchable(fd), /bad file descriptor/);
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const pipe = fs.openSync(path, 'r+');
    assert.strictEqual(native.watchable(pipe), undefined);
    assert.throws(() => native.watchable(pipe), /already/);
    for (const value of HOSTILE) if (value !== null && typeof value !== 'function') assert.throws(() => native.watch(value), TypeError);
    let heard = 0, caught = 0;
    const third = () => { native.readFrame(pipe, CAP); native.watch(null); native.watch(null); heard++; };
    const second = () => { native.readFrame(pipe, CAP); native.watch(third); native.writeFrame(pipe, 'z'); heard++; throw new Error('mine'); };
    native.watch(third);
    native.watch(() => { assert.strictEqual(native.readFrame(pipe, CAP), 'x'); native.watch(second); native.writeFrame(pipe, 'y'); heard++; });
    process.on('uncaughtException', (problem) => { assert.strictEqual(problem.message, 'mine'); caught++; });
    process.on('exit', () => assert.deepStrictEqual([heard, caught], [3, 1]));
    native.writeFrame(pipe, 'x');
    global.gc?.();
  },

  leave() { native.exit(7); },
  leave_oddly() { native.exit(touchy); },
};

if (which === '--cases') console.log(Object.keys(cases).join(' '));
else cases[which]();
