import { formatKey } from '../values/plain-data.js';
import type { Change } from './state-journal.js';

export type Primitive = string | number | boolean | null;

/** What an array of the state keeps of an item. */
export type Item = Primitive | StateNode;

/** What a node keeps under a key. Nothing else ever gets in, so anything that is an object has a `view`. */
export type Stored = Primitive | StateNode | Tombstone;

/** Who is allowed to write, and what writing takes. One for each tree. */
export interface StateWriter {
  readonly root: StateNode;
  /** Whether changes can be undone. */
  readonly journaling: boolean;
  journal(change: Change): void;
  /** @throws StateReadOnlyError outside a change. */
  assertWriting(node: StateNode, key?: string | number | symbol): void;
  /**
   * Makes a value that a handler assigned the tree's own.
   *
   * @param replaced what is there now and makes way for the value.
   * @throws PayloadError if it isn't plain data.
   */
  adopt(value: unknown, into: StateNode, key: string | number, replaced: Stored | undefined): Primitive | StateNode;
  /** The same for items of an array, which are then parts of it. */
  adoptItems(
    values: readonly unknown[],
    into: StateNode,
    start: number,
    replaced: Stored | undefined,
  ): (Primitive | StateNode)[];
  /** Where frozen copies go that are out of date only for a moment. */
  readonly setAside: [node: StateNode, copy: object][] | undefined;
}

/** Asked for on a view, it gives the node behind it. Nobody outside can name it. */
export const NODE = Symbol('state node');

/** By this name Node's `util.inspect` asks an object how it wants to be shown. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** Keeps the place of a deleted key among the others for as long as the deletion can be undone. */
export class Tombstone {
  /** Nothing to see. */
  readonly view = undefined;
  /** No longer needed: it goes as soon as it is met. */
  settled = false;

  [INSPECT](): string {
    return '<deleted>';
  }
}

/**
 * One object or array of the state. It is the handler of its own proxy: users only ever hold that proxy, its view, and everything they write
 * comes through here.
 *
 * The nodes that can be reached from the root are a tree. What was taken out of it may still show nodes that have moved on into what replaced
 * it, as in `state.items = state.items.filter(…)`: it has lent them, and takes them back when it is put back.
 */
export abstract class StateNode<Values extends object = object> {
  /** What it holds, in working order: the target of the proxy. */
  readonly values: Values;
  readonly writer: StateWriter;
  /** What it is part of; undefined for the root, and for what was taken out of the state. */
  parent: StateNode | undefined = undefined;
  /** Whether nodes that it shows, at whatever depth, are part of something else now. */
  isLender = false;
  /** The number of the last change in which it was copied. */
  copiedIn = 0;
  #view: Values | undefined = undefined;
  #copy: Values | undefined = undefined;

  constructor(writer: StateWriter, values: Values) {
    this.writer = writer;
    this.values = values;
  }

  /** The live view; always the same one. */
  get view(): Values {
    return (this.#view ??= new Proxy(this.values, this as ProxyHandler<Values>));
  }

  /** A deep-frozen copy; the same one until something in here changes. */
  frozen(): Values {
    // A lender isn't told when what it has lent changes.
    return this.isLender ? this.buildFrozen() : (this.#copy ??= this.buildFrozen());
  }

  /** The copy that somebody looked at, if it is still good. */
  get lookedAt(): Values | undefined {
    return this.isLender ? undefined : this.#copy;
  }

  /** Puts a value under a key, or removes the key for `undefined`; gives back what was there. Neither checks nor journals. */
  abstract swap(key: string | number, value: Stored | undefined): Stored | undefined;

  /** The keys and values that can be seen. */
  abstract entries(): Iterable<readonly [string | number, Primitive | StateNode]>;

  abstract has(values: Values, key: string | symbol): boolean;
  abstract set(values: Values, key: string | symbol, value: unknown): boolean;

  protected abstract buildFrozen(): Values;

  /** Writes one value, journaled. */
  protected write(key: string | number, value: Primitive | StateNode): void {
    const before = this.swap(key, value);
    if (this.writer.journaling) this.writer.journal(new Assigned(this, key, before));
  }

  /** Says that it no longer shows what the frozen copies say. */
  protected touch(): void {
    let node: StateNode | undefined = this;
    // Whatever is part of a copy that is gone is gone as well.
    while (node !== undefined && node.#copy !== undefined) {
      node.#dropCopy();
      node = node.parent;
    }
  }

  /** Puts a frozen copy back that was set aside. */
  restoreCopy(copy: object): void {
    this.#copy = copy as Values;
  }

  protected unlink(value: Stored | undefined): void {
    if (value instanceof StateNode && value.parent === this) value.parent = undefined;
  }

  protected link(value: Stored | undefined): void {
    // A lender may show what belongs to others: whatever is its own, it takes when it is put back.
    if (this.isLender || !(value instanceof StateNode)) return;
    value.moveTo(this);
    value.reclaim();
  }

  /** Becomes part of another node. Whoever it was part of until now has lent it, and so has whatever that is part of, up to `last`. */
  moveTo(parent: StateNode | undefined, last?: StateNode): void {
    let lender = this.parent === parent || this === last ? undefined : this.parent;
    while (lender && !lender.isLender) {
      lender.isLender = true;
      lender.#dropCopy();
      lender = lender === last ? undefined : lender.parent;
    }
    this.parent = parent;
  }

  /** Takes back what it has lent. */
  reclaim(): void {
    if (!this.isLender) return;
    this.isLender = false;
    for (const [, value] of this.entries()) {
      if (!(value instanceof StateNode)) continue;
      value.moveTo(this);
      value.reclaim();
    }
  }

  #dropCopy(): void {
    if (this.#copy && this.writer.setAside) this.writer.setAside.push([this, this.#copy]);
    this.#copy = undefined;
  }

  /** Where it is in the state, as in `$.items[3]`. */
  path(): string {
    const { parent } = this;
    if (!parent) return this === this.writer.root ? '$' : '(removed)';
    for (const [key, value] of parent.entries()) if (value === this) return parent.path() + formatKey(key);
    return '(removed)';
  }

  /** The root, or the top of what was taken out of the state. */
  top(): StateNode {
    let node: StateNode = this;
    while (node.parent) node = node.parent;
    return node;
  }

  isWithin(ancestor: StateNode): boolean {
    let node: StateNode | undefined = this;
    while (node && node !== ancestor) node = node.parent;
    return node === ancestor;
  }

  /** How many levels it has above it. */
  depth(): number {
    let depth = 0;
    for (let node = this.parent; node; node = node.parent) depth += 1;
    return depth;
  }

  /** How many levels it is high; 1 if it holds only primitives. */
  height(): number {
    let highest = 0;
    for (const [, value] of this.entries()) {
      if (value instanceof StateNode) highest = Math.max(highest, value.height());
    }
    return highest + 1;
  }

  /** `console.log` looks past a proxy: it shall find the state, not how it is kept. */
  [INSPECT](): Values {
    return this.values;
  }

  setPrototypeOf(): boolean {
    return false;
  }

  preventExtensions(): boolean {
    return false;
  }

  /** Only what plain assignment could do: an ordinary property with a value. */
  defineProperty(values: Values, key: string | symbol, property: PropertyDescriptor): boolean {
    this.writer.assertWriting(this, key);
    const exists = this.has(values, key);
    const { writable = exists, enumerable = exists, configurable = exists } = property;
    if (!('value' in property) || !writable || !enumerable || !configurable) return false;
    return this.set(values, key, property.value);
  }
}

/** The node behind a view. */
export function nodeOf(value: unknown): StateNode | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const node = (value as { [NODE]?: unknown })[NODE];
  // Something may have a view for its prototype.
  return node instanceof StateNode && node.view === value ? node : undefined;
}

/** The place in an array that a property key names. */
export function indexOfKey(key: string | symbol): number | undefined {
  if (typeof key === 'symbol') return undefined;
  const index = Number(key) >>> 0;
  // An index is below the longest length of an array (ECMAScript 6.1.7): 4294967295 is a key like any other, with a place in their order.
  return index < ARRAY_LENGTH_MAX && String(index) === key ? index : undefined;
}

/** Longest array there can be. */
const ARRAY_LENGTH_MAX = 2 ** 32 - 1;

/** A value was put, or a key removed; `#other` is what is not in the state at the moment. */
export class Assigned implements Change {
  protected readonly node: StateNode;
  protected readonly key: string | number;
  #other: Stored | undefined;

  constructor(node: StateNode, key: string | number, other: Stored | undefined) {
    this.node = node;
    this.key = key;
    this.#other = other;
  }

  flip(): void {
    this.#other = this.node.swap(this.key, this.#other);
  }
}
