// What classes can do: private names, static blocks, accessors, new.target, super, mixins, species, disposal of built-ins.
class Counter {
  #count = 0; static #made = 0; static registry = [];
  static { this.registry.push('block'); }
  constructor() { Counter.#made++; Counter.registry.push(new.target.name); }
  get value() { return this.#count; }
  #add(n) { this.#count += n; return this; }
  add(n) { return this.#add(n); }
  static is(object) { return #count in object; }
  static get made() { return Counter.#made; }
}
const Named = (Base) => class Named extends Base { name = 'named'; add(n) { return super.add(n * 2); } };
class Both extends Named(Counter) { ['com' + 'puted']() { return super.value; } static async *later() { yield* [1, 2]; } }
const both = new Both();
for (let i = 0; i < 300_000; i++) both.add(i % 3);
let refused = [];
for (const wrong of [() => Both(), () => Counter.prototype.add.call({}, 1), () => new (class extends Counter { constructor() { } })(), () => { class A extends null {} new A(); }]) {
  try { wrong(); } catch (error) { refused.push(error.name); }
}
class List extends Array { static get [Symbol.species]() { return Array; } sum() { return this.reduce((a, b) => a + b, 0); } }
const list = List.of(1, 2, 3), mapped = list.map((n) => n * 2);
class Failure extends Error { constructor(message) { super(message, { cause: 'why' }); this.name = 'Failure'; } }
const failure = new Failure('deep');
const tagged = Object.prototype.toString.call(new (class { get [Symbol.toStringTag]() { return 'Tagged'; } })());
const number = +new (class { [Symbol.toPrimitive](hint) { return hint === 'number' ? 42 : 0; } })();
const later = [];
for await (const value of Both.later()) later.push(value);
return [both.value, both.computed(), Counter.made, Counter.registry, Counter.is(both), Counter.is({}), refused, list.sum(), mapped.constructor.name, failure, failure.cause, failure instanceof Failure, tagged, number, later].join();
