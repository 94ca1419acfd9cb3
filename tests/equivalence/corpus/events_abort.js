// Events and aborting: order of listeners, once, passive, removal while dispatching, errors of signals, combined signals.
const target = new EventTarget(), order = [];
const note = (name) => (event) => order.push(name + event.type);
const removed = note('removed ');
target.addEventListener('a', note('1 '));
target.addEventListener('a', { handleEvent: note('object ') }, { once: true });
target.addEventListener('a', () => target.removeEventListener('a', removed));
target.addEventListener('a', removed);
target.addEventListener('a', (event) => { event.preventDefault(); event.stopImmediatePropagation(); });
target.addEventListener('a', note('unreached '));
const results = [target.dispatchEvent(new Event('a', { cancelable: true })), target.dispatchEvent(new Event('a')), target.dispatchEvent(new CustomEvent('b', { detail: 1 }))];
let count = 0;
const many = new EventTarget();
for (let i = 0; i < 50; i++) many.addEventListener('x', () => count++);
for (let i = 0; i < 300; i++) many.dispatchEvent(new Event('x'));
const controller = new AbortController(), { signal } = controller;
many.addEventListener('x', () => count++, { signal });
signal.addEventListener('abort', () => order.push('aborted'));
const any = AbortSignal.any([signal, new AbortController().signal]);
controller.abort(new RangeError('reason')); controller.abort('again');
many.dispatchEvent(new Event('x'));
let thrown = '';
try { signal.throwIfAborted(); } catch (error) { thrown = error.message; }
const late = AbortSignal.timeout(2), timed = await new Promise((resolve) => late.addEventListener('abort', () => resolve(late.reason.name)));
const error = new DOMException('text', 'AbortError');
return [order, results, count, any.aborted, any.reason.message, thrown, AbortSignal.abort().reason.name, timed, error.code, error instanceof Error].join();
