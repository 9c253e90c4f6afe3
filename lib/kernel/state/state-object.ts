import { isContainer, PayloadError, putProperty } from '../values/index.js';
import type { Change } from './state-journal.js';
import { Assigned, indexOfKey, NODE, nodeOf, type Primitive, StateNode, type Stored, Tombstone } from './state-node.js';

/**
 * An object in the state. Its view has only the properties that were written, not even those that every object
 * inherits. A key from outside, such as `constructor`, is absent until it is written, and writing it does no harm.
 */
export class ObjectNode extends StateNode<Values> {
  get(values: Values, key: string | symbol): unknown {
    if (typeof key === 'symbol') return this.#getSymbol(key);
    const value = values[key];
    // These are inherited: functions and, for `__proto__`, an object without a view.
    if (typeof value === 'function') return undefined;
    return typeof value === 'object' && value !== null ? value.view : value;
  }

  set(values: Values, key: string | symbol, value: unknown): boolean {
    this.writer.assertWriting(this, key);
    if (typeof key === 'symbol') throw symbolRefused(this, key);
    if (value === undefined) return this.deleteProperty(values, key);
    const before = this.#own(key);
    if (isContainer(before) && nodeOf(value) === before) return true;
    const after = this.writer.adopt(value, this, key, before);
    if (before instanceof Tombstone) this.#makeRoom(key);
    if (after !== before) this.write(key, after);
    return true;
  }

  deleteProperty(values: Values, key: string | symbol): boolean {
    this.writer.assertWriting(this, key);
    if (typeof key === 'symbol' || !this.has(values, key)) return true;
    if (!this.writer.journaling) {
      this.swap(key, undefined);
    } else {
      const tombstone = new Tombstone();
      this.writer.journal(new Deleted(this, key, this.swap(key, tombstone), tombstone));
    }
    return true;
  }

  has(_values: Values, key: string | symbol): boolean {
    const value = typeof key === 'string' ? this.#own(key) : undefined;
    return value !== undefined && !(value instanceof Tombstone);
  }

  ownKeys(values: Values): string[] {
    const keys = Object.keys(values);
    return keys.some((key) => values[key] instanceof Tombstone)
      ? keys.filter((key) => !(values[key] instanceof Tombstone))
      : keys;
  }

  getOwnPropertyDescriptor(values: Values, key: string | symbol): PropertyDescriptor | undefined {
    if (!this.has(values, key)) return undefined;
    return { value: this.get(values, key), writable: true, enumerable: true, configurable: true };
  }

  override swap(key: string, value: Stored | undefined): Stored | undefined {
    const before = this.#own(key);
    if (value === undefined) delete this.values[key];
    else putProperty(this.values, key, value);
    this.unlink(before);
    this.link(value);
    this.touch();
    return before;
  }

  override *entries(): Iterable<readonly [string, Primitive | StateNode]> {
    for (const key of Object.keys(this.values)) {
      const value = this.values[key] as Stored;
      if (!(value instanceof Tombstone)) yield [key, value];
    }
  }

  /** Reorders the keys; returns the order before. */
  rearrange(order: readonly (readonly [string, Stored])[]): (readonly [string, Stored])[] {
    const before = Object.entries(this.values);
    for (const [key] of before) delete this.values[key];
    for (const [key, value] of order) {
      if (!(value instanceof Tombstone && value.settled)) putProperty(this.values, key, value);
    }
    this.touch();
    return before;
  }

  /** The deletion that this tombstone marks will never be undone. */
  forget(key: string, tombstone: Tombstone): void {
    tombstone.settled = true;
    if (this.#own(key) === tombstone) delete this.values[key];
  }

  protected override buildFrozen(): Values {
    const copy: Record<string, unknown> = {};
    for (const key of Object.keys(this.values)) {
      const value = this.values[key] as Stored;
      if (value instanceof StateNode) putProperty(copy, key, value.frozen());
      else if (!(value instanceof Tombstone)) putProperty(copy, key, value);
    }
    return Object.freeze(copy) as Values;
  }

  #own(key: string): Stored | undefined {
    return Object.hasOwn(this.values, key) ? this.values[key] : undefined;
  }

  #getSymbol(key: symbol): unknown {
    if (key === NODE) return this;
    return key === Symbol.toPrimitive ? describeAsObject : undefined;
  }

  /**
   * A key that is written again after its deletion belongs at the end. When that is undone, it returns to its old
   * place.
   */
  #makeRoom(key: string): void {
    // JavaScript always orders keys that look like indexes numerically.
    if (indexOfKey(key) !== undefined) return;
    const before = this.rearrange(Object.entries(this.values).filter(([other]) => other !== key));
    this.writer.journal(new Rearranged(this, before));
  }
}

type Values = Record<string, Stored>;

/** A key was deleted, and a tombstone keeps its place. */
class Deleted extends Assigned {
  readonly #tombstone: Tombstone;

  constructor(node: ObjectNode, key: string, before: Stored | undefined, tombstone: Tombstone) {
    super(node, key, before);
    this.#tombstone = tombstone;
  }

  settle(): void {
    (this.node as ObjectNode).forget(this.key as string, this.#tombstone);
  }
}

/** The order of keys changed. */
class Rearranged implements Change {
  readonly #node: ObjectNode;
  #other: (readonly [string, Stored])[];

  constructor(node: ObjectNode, other: (readonly [string, Stored])[]) {
    this.#node = node;
    this.#other = other;
  }

  flip(): void {
    this.#other = this.#node.rearrange(this.#other);
  }
}

function symbolRefused(node: StateNode, key: symbol): PayloadError {
  const path = `${node.path()}[${String(key)}]`;
  return new PayloadError(`the state can't have a key that is a symbol: ${path}`, path);
}

/** The result of `String(view)`, since a view inherits no `toString`. */
function describeAsObject(): string {
  return '[object Object]';
}
