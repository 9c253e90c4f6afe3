import { formatKey } from '../values/index.js';
import type { Change } from './state-journal.js';

export type Primitive = string | number | boolean | null;

/** What an array in the state stores for an item. */
export type Item = Primitive | StateNode;

/** What a node stores under a key. Nothing else ever gets in, so every object here has a `view`. */
export type Stored = Primitive | StateNode | Tombstone;

/** Decides who may write, and what writing requires. There is one for each tree. */
export interface StateWriter {
  readonly root: StateNode;
  /** Whether changes can be undone. */
  readonly journaling: boolean;
  journal(change: Change): void;
  /** @throws StateReadOnlyError outside a change. */
  assertWriting(node: StateNode, key?: string | number | symbol): void;
  /**
   * Makes a value that a handler assigned part of the tree.
   *
   * @param replaced the value that is there now and will be replaced.
   * @throws PayloadError if it is not plain data.
   */
  adopt(value: unknown, into: StateNode, key: string | number, replaced: Stored | undefined): Primitive | StateNode;
  /** The same for items of an array, which become parts of it. */
  adoptItems(
    values: readonly unknown[],
    into: StateNode,
    start: number,
    replaced: Stored | undefined,
  ): (Primitive | StateNode)[];
  /** Where frozen copies go that are out of date only for a moment. */
  readonly setAside: [node: StateNode, copy: object][] | undefined;
}

/** The key under which a view returns the node behind it. Only this module can name it. */
export const NODE = Symbol('state node');

/** Node's `util.inspect` calls the method with this key to show an object. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** Keeps the place of a deleted key for as long as the deletion can be undone. */
export class Tombstone {
  /** It is invisible to users. */
  readonly view = undefined;
  /** It is no longer needed and is removed when it is next met. */
  settled = false;

  [INSPECT](): string {
    return '<deleted>';
  }
}

/**
 * One object or array in the state. It is the handler of its own proxy. Users only ever hold that proxy, its view, and
 * everything that they write comes through here.
 *
 * The nodes that are reachable from the root form a tree. A part that was removed may still show nodes that have moved
 * into its replacement, as in `state.items = state.items.filter(…)`. It has lent them, and reclaims them when it is put
 * back.
 */
export abstract class StateNode<Values extends object = object> {
  /** Its values, in insertion order: the target of the proxy. */
  readonly values: Values;
  readonly writer: StateWriter;
  /** The node that it is part of; `undefined` for the root, and for what was removed from the state. */
  parent: StateNode | undefined = undefined;
  /** Whether nodes that it shows, at any depth, are now part of something else. */
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

  /** A deep-frozen copy. It is the same one until something inside changes. */
  frozen(): Values {
    // A lender does not learn when what it has lent changes.
    return this.isLender ? this.buildFrozen() : (this.#copy ??= this.buildFrozen());
  }

  /** The copy that was last requested, if it is still valid. */
  get lookedAt(): Values | undefined {
    return this.isLender ? undefined : this.#copy;
  }

  /** Stores a value under a key, or removes the key for `undefined`. Returns the old value. It neither checks nor journals. */
  abstract swap(key: string | number, value: Stored | undefined): Stored | undefined;

  /** The visible keys and values. */
  abstract entries(): Iterable<readonly [string | number, Primitive | StateNode]>;

  abstract has(values: Values, key: string | symbol): boolean;
  abstract set(values: Values, key: string | symbol, value: unknown): boolean;

  protected abstract buildFrozen(): Values;

  /** Writes one value, journaled. */
  protected write(key: string | number, value: Primitive | StateNode): void {
    const before = this.swap(key, value);
    if (this.writer.journaling) this.writer.journal(new Assigned(this, key, before));
  }

  /** Invalidates the frozen copies of this node and of those that contain it. */
  protected touch(): void {
    let node: StateNode | undefined = this;
    // If a copy is gone, so are those that contain it.
    while (node !== undefined && node.#copy !== undefined) {
      node.#dropCopy();
      node = node.parent;
    }
  }

  /** Restores a frozen copy that was set aside. */
  restoreCopy(copy: object): void {
    this.#copy = copy as Values;
  }

  protected unlink(value: Stored | undefined): void {
    if (value instanceof StateNode && value.parent === this) value.parent = undefined;
  }

  protected link(value: Stored | undefined): void {
    // A lender may show nodes of others. It takes its own ones when it is put back.
    if (this.isLender || !(value instanceof StateNode)) return;
    value.moveTo(this);
    value.reclaim();
  }

  /** Moves this node into another one. Its former parent has lent it, and so have that one's parents, up to `last`. */
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

  /** Its path in the state, as in `$.items[3]`. */
  path(): string {
    const { parent } = this;
    if (!parent) return this === this.writer.root ? '$' : '(removed)';
    for (const [key, value] of parent.entries()) if (value === this) return parent.path() + formatKey(key);
    return '(removed)';
  }

  /** The root, or the top of what was removed from the state. */
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

  /** How many levels are above it. */
  depth(): number {
    let depth = 0;
    for (let node = this.parent; node; node = node.parent) depth += 1;
    return depth;
  }

  /** How many levels it has; 1 if it holds only primitives. */
  height(): number {
    let highest = 0;
    for (const [, value] of this.entries()) {
      if (value instanceof StateNode) highest = Math.max(highest, value.height());
    }
    return highest + 1;
  }

  /** `console.log` looks behind a proxy. It must show the state, and not how it is stored. */
  [INSPECT](): Values {
    return this.values;
  }

  setPrototypeOf(): boolean {
    return false;
  }

  preventExtensions(): boolean {
    return false;
  }

  /** Allows only what a plain assignment could do: an ordinary property with a value. */
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
  // An object may have a view as its prototype.
  return node instanceof StateNode && node.view === value ? node : undefined;
}

/** The array index that a property key stands for. */
export function indexOfKey(key: string | symbol): number | undefined {
  if (typeof key === 'symbol') return undefined;
  const index = Number(key) >>> 0;
  // An index is below the maximal array length (ECMAScript 6.1.7). 4294967295 is an ordinary key, in insertion order.
  return index < ARRAY_LENGTH_MAX && String(index) === key ? index : undefined;
}

/** The maximal length of an array. */
const ARRAY_LENGTH_MAX = 2 ** 32 - 1;

/** A value was set or a key removed. `#other` is the value that is not in the state at the moment. */
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
