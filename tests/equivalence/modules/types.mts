/* TypeScript of every kind that can be erased, with lines and columns that stay. */
import type { Nothing } from 'nowhere';
interface Shape<T extends number = number> { readonly kind: 'circle' | 'square'; size?: T; area?(): T }
type Sized<T> = { [K in keyof T]-?: T[K] } & { tag: symbol };
abstract class Base<T> { protected abstract items: T[]; declare note: string; constructor(public_: T) { this.first = public_; } first: T; get count(): number { return this.items.length; } }
class List<T> extends Base<T> implements Iterable<T> { override items: T[] = []; add(this: List<T>, ...more: T[]): this { this.items.push(...more); return this; } *[Symbol.iterator](): Iterator<T> { yield* this.items; } }
function over(a: string): string;
function over(a: number): number;
function over(a: any): any { return a; }
const list = new List<number>(0).add(1, 2, 3 as number)!;
const shape = { kind: 'circle', size: 2 } satisfies Shape;
const generic = <const T,>(x: T): T => x;
let where = '';
try { (null as unknown as Nothing).x; } catch (error: unknown) { where = (error as Error).stack!.split('\n')[1]!.replace(/.*:(\d+:\d+)\)?$/, '$1'); }
export type { Shape, Sized };
export default [[...list].join('+'), list.count, shape.size! * 2, over('o'), generic([1, 2] as const).length, where].join() as string;
