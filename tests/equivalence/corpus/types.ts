// TypeScript whose types are taken off: interfaces, generics, overloads, assertions, satisfies, type-only imports of nothing.
interface Shape { readonly kind: 'circle' | 'square'; size: number; label?: string }
type Area<T extends Shape> = (shape: T) => number;
declare const neverThere: string;
abstract class Base<T> { protected items: T[] = []; abstract sum(): number; add(item: T): this { this.items.push(item); return this; } }
class Sizes extends Base<Shape> implements Iterable<Shape> {
  override sum(): number { return this.items.reduce<number>((total, { size }) => total + size, 0); }
  *[Symbol.iterator](): IterableIterator<Shape> { yield* this.items; }
}
const area: Area<Shape> = ({ kind, size }: Shape): number => (kind === 'circle' ? Math.PI * size ** 2 : size * size);
function pick(value: string): string;
function pick(value: number): number;
function pick(value: unknown) { return value as never; }
const sizes = new Sizes();
for (let i = 0; i < 3000; i++) sizes.add({ kind: i % 2 ? 'circle' : 'square', size: i } satisfies Shape);
const total = [...sizes].map(area).reduce((a, b) => a + b, 0);
const first = (sizes as unknown as { items: Shape[] }).items[0]!.label ?? 'none', less = (pick(3) as number) < 4;
const where: string = (() => { try { (null as any).x; } catch (e: unknown) { return /user\.js:\d+:\d+/.exec((e as Error).stack!)![0]; } return ''; })();
return [sizes.sum(), total, first, less, where, pick('x')].join();
