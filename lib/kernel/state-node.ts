import { formatKey } from './plain-data.js';
import type { Change } from './state-journal.js';

export type Primitive = string | number | boolean | null;

/** What a node keeps under a key. Nothing else ever gets in, so anything that is an object has a `view`. */
export type Stored = Primitive | StateNode | Tombstone;

/** Who is allowed to write, and what writing takes. One for each tree. */
export interface StateWriter {
  readonly root: StateNode;
  /** Whether changes can be undone. */
  readonly journaling: boolean;
  journal(change: Change): void;
  /** @throws StateReadOnlyError outside a change. */
  assertWriting(node: StateNode, key?: string | number): void;
  /**
   * Makes a value that a handler assigned the tree's own.
   *
   * @throws PayloadError if it isn't plain data.
   */
  adopt(value: unknown, into: StateNode | undefined, key: string | number): Primitive | StateNode;
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
 */
export abstract class StateNode<Values extends object = object> {
  /** What it holds, in working order: the target of the proxy. */
  readonly values: Values;
  readonly writer: StateWriter;
  /** What it is part of; undefined for the root, and for what was taken out of the state. */
  parent: StateNode | undefined = undefined;
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
    return (this.#copy ??= this.buildFrozen());
  }

  /** Puts a value under a key, or removes the key for `undefined`; gives back what was there. Neither checks nor journals. */
  abstract swap(key: string | number, value: Stored | undefined): Stored | undefined;

  /** The keys and values that can be seen. */
  abstract entries(): Iterable<readonly [string | number, Primitive | StateNode]>;

  protected abstract buildFrozen(): Values;

  /** What it shows is no longer what the frozen copies say. */
  protected touch(): void {
    let node: StateNode | undefined = this;
    // Whatever is part of a copy that is gone is gone as well.
    while (node !== undefined && node.#copy !== undefined) {
      node.#copy = undefined;
      node = node.parent;
    }
  }

  protected link(value: Stored | undefined): void {
    if (value instanceof StateNode) value.parent = this;
  }

  protected unlink(value: Stored | undefined): void {
    if (value instanceof StateNode && value.parent === this) value.parent = undefined;
  }

  /** Writes one value, journaled. */
  protected write(key: string | number, value: Primitive | StateNode): void {
    const before = this.swap(key, value);
    if (this.writer.journaling) this.writer.journal(new Assigned(this, key, before));
  }

  /** Where it is in the state, as in `$.items[3]`. */
  path(): string {
    const { parent } = this;
    if (!parent) return this === this.writer.root ? '$' : '(removed)';
    for (const [key, value] of parent.entries()) if (value === this) return parent.path() + formatKey(key);
    return '(removed)';
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

  /** Whether it is part of the state now. */
  isWithin(ancestor: StateNode): boolean {
    let node: StateNode | undefined = this;
    while (node && node !== ancestor) node = node.parent;
    return node === ancestor;
  }

  /** `console.log` looks past a proxy: it shall find the state, not how it is kept. */
  [INSPECT](): Values {
    return this.values;
  }

  // What a proxy may not do to the state, whoever asks.

  setPrototypeOf(): boolean {
    return false;
  }

  preventExtensions(): boolean {
    return false;
  }

  /** Only what plain assignment could do: an ordinary property with a value. */
  defineProperty(values: Values, key: string | symbol, property: PropertyDescriptor): boolean {
    this.writer.assertWriting(this, String(key));
    const exists = Object.hasOwn(values, key) && this.has(values, key);
    const { writable = exists, enumerable = exists, configurable = exists } = property;
    if (!('value' in property) || !writable || !enumerable || !configurable) return false;
    return this.set(values, key, property.value);
  }

  abstract has(values: Values, key: string | symbol): boolean;
  abstract set(values: Values, key: string | symbol, value: unknown): boolean;
}

/** The node behind a view. */
export function nodeOf(value: unknown): StateNode | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const node = (value as { [NODE]?: unknown })[NODE];
  // Something may have a view for its prototype.
  return node instanceof StateNode && node.view === value ? node : undefined;
}

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
