import { PayloadError } from '../values/index.js';
import { ARRAY_METHODS } from './state-array-methods.js';
import type { Change } from './state-journal.js';
import { type Item, indexOfKey, NODE, nodeOf, StateNode } from './state-node.js';

/** An array in the state. */
export class ArrayNode extends StateNode<Item[]> {
  get(values: Item[], key: string | symbol): unknown {
    if (key === NODE) return this;
    const value: unknown = values[key as unknown as number];
    if (typeof value === 'function') return ARRAY_METHODS.get(key) ?? value;
    // `__proto__` and `Symbol.unscopables` have no view.
    return typeof value === 'object' && value !== null ? (value as StateNode).view : value;
  }

  set(values: Item[], key: string | symbol, value: unknown): boolean {
    this.writer.assertWriting(this, key);
    if (key === 'length') {
      this.#setLength(value);
      return true;
    }
    const index = indexOfKey(key);
    if (index === undefined) throw this.#refused(key, 'an array of the state has no other keys than its indexes');
    if (index > values.length) throw this.#refused(key, 'an array of the state has no holes');
    if (index === values.length) this.splice(index, 0, [value]);
    else this.setItem(index, value);
    return true;
  }

  deleteProperty(values: Item[], key: string | symbol): boolean {
    this.writer.assertWriting(this, key);
    if (!Object.hasOwn(values, key)) return true;
    throw this.#refused(key, 'an array of the state has no holes: use splice');
  }

  has(values: Item[], key: string | symbol): boolean {
    return key in values;
  }

  getOwnPropertyDescriptor(values: Item[], key: string | symbol): PropertyDescriptor | undefined {
    const property = Reflect.getOwnPropertyDescriptor(values, key);
    return property && { ...property, value: this.get(values, key) };
  }

  setItem(index: number, value: unknown): void {
    const before = this.values[index] as Item;
    if (before instanceof StateNode && nodeOf(value) === before) return;
    const after = this.writer.adopt(value, this, index, before);
    if (after !== before) this.write(index, after);
  }

  /** What `Array.prototype.splice` does, journaled; the arguments are in range. */
  splice(start: number, deleteCount: number, values: readonly unknown[]): Item[] {
    // This happens in `items.splice(at, 1, { ...items[at], done: true })`.
    const replaced = deleteCount === 1 ? this.values[start] : undefined;
    const items = this.writer.adoptItems(values, this, start, replaced);
    if (deleteCount === 0 && items.length === 0) return [];
    const removed = this.exchange(start, deleteCount, items);
    if (this.writer.journaling) this.writer.journal(new Spliced(this, start, items.length, removed));
    return removed;
  }

  /** Reorders the items, journaled. */
  reorder(items: readonly Item[]): void {
    const before = this.rearrange(items);
    if (this.writer.journaling) this.writer.journal(new Reordered(this, before));
  }

  override swap(index: number, value: Item): Item {
    const before = this.values[index] as Item;
    this.values[index] = value;
    this.unlink(before);
    this.link(value);
    this.touch();
    return before;
  }

  /** Replaces items and returns the old ones. It neither checks nor journals. */
  exchange(start: number, deleteCount: number, items: readonly Item[]): Item[] {
    const removed = spliceLarge(this.values, start, deleteCount, items);
    for (const item of removed) this.unlink(item);
    for (const item of items) this.link(item);
    this.touch();
    return removed;
  }

  rearrange(items: readonly Item[]): Item[] {
    const before = this.values.slice();
    for (const [index, item] of items.entries()) this.values[index] = item;
    this.touch();
    return before;
  }

  override entries(): Iterable<readonly [number, Item]> {
    return this.values.entries();
  }

  protected override buildFrozen(): Item[] {
    const copy = this.values.map((item) => (item instanceof StateNode ? item.frozen() : item));
    return Object.freeze(copy) as Item[];
  }

  #setLength(length: unknown): void {
    const { values } = this;
    if (typeof length !== 'number' || length >>> 0 !== length)
      throw new RangeError(`invalid array length: ${String(length)}`);
    if (length > values.length) throw this.#refused('length', 'an array of the state has no holes');
    this.splice(length, values.length - length, []);
  }

  #refused(key: string | symbol, why: string): PayloadError {
    const path = `${this.path()}[${String(key)}]`;
    return new PayloadError(`${path}: ${why}`, path);
  }
}

/** A splice of more items does not pass them as arguments, because the call stack could not hold them. */
const SPLICE_ARGUMENTS_MAX = 10_000;

/** Items were replaced. The replaced ones are not in the state at the moment. */
class Spliced implements Change {
  readonly #node: ArrayNode;
  readonly #start: number;
  #count: number;
  #others: readonly Item[];

  constructor(node: ArrayNode, start: number, count: number, others: readonly Item[]) {
    this.#node = node;
    this.#start = start;
    this.#count = count;
    this.#others = others;
  }

  flip(): void {
    const count = this.#others.length;
    this.#others = this.#node.exchange(this.#start, this.#count, this.#others);
    this.#count = count;
  }
}

/** The items were reordered. */
class Reordered implements Change {
  readonly #node: ArrayNode;
  #other: readonly Item[];

  constructor(node: ArrayNode, other: readonly Item[]) {
    this.#node = node;
    this.#other = other;
  }

  flip(): void {
    this.#other = this.#node.rearrange(this.#other);
  }
}

function spliceLarge(values: Item[], start: number, deleteCount: number, items: readonly Item[]): Item[] {
  if (items.length <= SPLICE_ARGUMENTS_MAX) return values.splice(start, deleteCount, ...items);
  const tail = values.splice(start);
  for (const item of items) values.push(item);
  for (let index = deleteCount; index < tail.length; index++) values.push(tail[index] as Item);
  tail.length = deleteCount;
  return tail;
}
