// Weak references and finalizers under memory pressure: what must hold whenever the collector runs, not when it does.
const registry = new FinalizationRegistry((held) => { if (held < 0 || held >= 2000) throw new Error('never registered'); });
const kept = [], refs = [];
for (let i = 0; i < 2000; i++) {
  const object = { i, ballast: new Array(200).fill(i) };
  registry.register(object, i, object);
  refs.push(new WeakRef(object));
  if (i % 100 === 0) kept.push(object);
}
const fresh = refs.at(-1).deref() !== undefined;                // alive until the end of this job
for (let round = 0; round < 10; round++) { new Array(100_000).fill({ round }); await new Promise((resolve) => setTimeout(resolve)); }
const alive = refs.filter((ref) => ref.deref()).length;
const strong = kept.every((object) => refs[object.i].deref() === object);
const intact = refs.every((ref, i) => ref.deref() === undefined || ref.deref().i === i);
return [fresh, alive >= kept.length && alive <= 2000, strong, intact, registry.unregister(kept[0]), registry.unregister({})].join();
