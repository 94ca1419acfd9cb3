/* A program that goes on after its top level: what it prints until nothing is left to do. One thing begins the next. */
let turns = 0;
const target = new EventTarget();
target.addEventListener('done', (event) => console.log(event.type));
function flow() {
  const source = new ReadableStream({ start(controller) { setTimeout(() => { controller.enqueue('chunk'); controller.close(); }, 2); } });
  source.pipeTo(new WritableStream({ write(part) { console.log(part); } })).then(() => target.dispatchEvent(new Event('done')));
}
const interval = setInterval(() => {
  console.log('turn', ++turns);
  if (turns < 3) return;
  clearInterval(interval);
  queueMicrotask(() => { console.log('microtask'); flow(); });
}, 1);
export default 'drained';
