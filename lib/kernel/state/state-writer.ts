import {
  findRefusal,
  formatKey,
  isContainer,
  OmniscientError,
  putProperty,
  type Refusal,
  refusalError,
  StateReadOnlyError,
} from '../values/index.js';
import { ArrayNode } from './state-array.js';
import { type Change, StateJournal } from './state-journal.js';
import {
  type Item,
  indexOfKey,
  nodeOf,
  type Primitive,
  StateNode,
  type StateWriter,
  type Stored,
} from './state-node.js';
import { ObjectNode } from './state-object.js';

/** Controls writes to a tree, and records what was written. */
export class TreeWriter implements StateWriter {
  root: StateNode;
  /** Whether a change is running. */
  writing = false;
  journaling = false;
  /** Counts changes. */
  change = 0;
  setAside: [node: StateNode, copy: object][] | undefined = undefined;
  readonly journaled = new StateJournal();

  constructor(initial: unknown) {
    this.root = this.#adoptRoot(initial, { freeze: false, replaced: undefined });
  }

  journal(change: Change): void {
    this.journaled.add(change);
  }

  assertWriting(node: StateNode, key?: string | number | symbol): void {
    if (!this.writing) throw new StateReadOnlyError(pathTo(node, key));
    if (node.copiedIn === this.change && node.top() !== this.root) throw lostWrite(node, key);
  }

  /** Replaces the whole state. */
  replaceRoot(value: unknown): void {
    this.assertWriting(this.root);
    if (nodeOf(value) === this.root) return;
    const change = new RootReplaced(this, this.#adoptRoot(value, { freeze: true, replaced: this.root }));
    change.flip();
    if (this.journaling) this.journal(change);
  }

  adopt(value: unknown, into: StateNode, key: string | number, replaced: Stored | undefined): Primitive | StateNode {
    if (typeof value === 'string' || typeof value === 'boolean') return value;
    // JSON has no -0. It has no NaN or Infinity either: those are refused below.
    if (typeof value === 'number' && Number.isFinite(value)) return value + 0;
    this.#assertPlain(value, into, key);
    return this.#own(value, { freeze: true, into, replaced: asNode(replaced) });
  }

  adoptItems(values: readonly unknown[], into: StateNode, start: number, replaced: Stored | undefined): Item[] {
    // All are checked before any is changed, because a handler may catch the error.
    for (const [offset, value] of values.entries()) this.#assertPlain(value, into, start + offset);
    const options = { freeze: true, into, replaced: asNode(replaced) };
    return values.map((value) => inside(into, this.#own(value, options)));
  }

  #assertPlain(value: unknown, into: StateNode, key: string | number): void {
    const refusal = findRefusal(value, into.depth() + 1, fits);
    if (refusal) throw refusalError(refusal, value, 'what was assigned to the state', pathTo(into, key));
  }

  #adoptRoot(value: unknown, options: Adoption): StateNode {
    const refusal = findRefusal(value, 0, fits) ?? (isContainer(value) ? undefined : NO_CONTAINER);
    if (refusal) throw refusalError(refusal, value, 'the state', '$');
    return this.#own(value, options) as StateNode;
  }

  /**
   * Makes nodes from plain data. Views are copied as well, unless the node behind them can move; then they stay live.
   */
  #own(value: unknown, options: Adoption): Primitive | StateNode {
    if (typeof value === 'number') return value + 0;
    if (typeof value !== 'object' || value === null) return value as Primitive;
    const node = nodeOf(value);
    if (node) {
      if (!this.#canMove(node, options)) return this.#copyNode(node);
      node.moveTo(undefined, options.replaced);
      return node;
    }
    const owned = Array.isArray(value) ? this.#ownArray(value, options) : this.#ownObject(value, options);
    // A later write to the original would be lost. It is frozen so that the write fails instead.
    if (options.freeze) Object.freeze(value);
    return owned;
  }

  #ownArray(value: readonly unknown[], options: Adoption): ArrayNode {
    const values: Item[] = [];
    const node = new ArrayNode(this, values);
    for (const item of value) values.push(inside(node, this.#own(item, options)));
    return node;
  }

  #ownObject(value: object, options: Adoption): ObjectNode {
    const values: Record<string, Stored> = {};
    const node = new ObjectNode(this, values);
    for (const key of Object.keys(value)) {
      const item = (value as Record<string, unknown>)[key];
      if (item !== undefined) putProperty(values, key, inside(node, this.#own(item, options)));
    }
    return node;
  }

  #copyNode(original: StateNode): StateNode {
    if (original.writer === this) original.copiedIn = this.change;
    if (original instanceof ArrayNode) {
      const items = original.values.slice();
      const node = new ArrayNode(this, items);
      for (const [index, item] of items.entries()) {
        if (item instanceof StateNode) items[index] = inside(node, this.#copyNode(item));
      }
      return node;
    }
    const values: Record<string, Stored> = {};
    const node = new ObjectNode(this, values);
    for (const [key, item] of original.entries()) {
      putProperty(values, key as string, item instanceof StateNode ? inside(node, this.#copyNode(item)) : item);
    }
    return node;
  }

  /**
   * A node that was removed from the state can be put back. A part of the value that is being replaced can move into
   * its replacement. Any other node stays where it is; otherwise it would be in two places.
   */
  #canMove(node: StateNode, { into, replaced }: Adoption): boolean {
    if (node.writer !== this || node.isLender) return false;
    if (replaced && node.isWithin(replaced)) return true;
    return !node.parent && node !== this.root && !into?.isWithin(node);
  }
}

interface Adoption {
  /** Freeze the originals. */
  readonly freeze: boolean;
  /** Where it goes; undefined for a whole state. */
  readonly into?: StateNode;
  readonly replaced: StateNode | undefined;
}

const NO_CONTAINER: Refusal = { keys: [], why: 'is neither an object nor an array' };

/**
 * Views hold plain data. Only a value that moves deeper than before can become too deep, so only then is its height
 * measured.
 */
function fits(value: object, depth: number, depthMax: number): boolean | undefined {
  const node = nodeOf(value);
  if (!node) return undefined;
  return (node.top() === node.writer.root && depth <= node.depth()) || depth + node.height() <= depthMax;
}

function inside<Value extends Primitive | StateNode>(parent: StateNode, value: Value): Value {
  if (value instanceof StateNode) value.parent = parent;
  return value;
}

function asNode(value: Stored | undefined): StateNode | undefined {
  return value instanceof StateNode ? value : undefined;
}

function pathTo(node: StateNode, key: string | number | symbol | undefined): string {
  if (key === undefined) return node.path();
  if (typeof key === 'symbol') return `${node.path()}[${String(key)}]`;
  return node.path() + formatKey(node instanceof ArrayNode ? (indexOfKey(String(key)) ?? key) : key);
}

/** Plain JavaScript would share the assigned object; here this write would be lost. */
function lostWrite(node: StateNode, key: string | number | symbol | undefined): OmniscientError {
  return new OmniscientError(
    'STATE_WRITE_LOST',
    `a write to '${pathTo(node, key)}' would be lost: this part of the state was assigned to another place, which copied it, and was then ` +
      'removed from its own. Write to the copy, or write first and assign then.',
  );
}

/** The whole state was replaced. */
class RootReplaced implements Change {
  readonly #writer: TreeWriter;
  #other: StateNode;

  constructor(writer: TreeWriter, other: StateNode) {
    this.#writer = writer;
    this.#other = other;
  }

  flip(): void {
    const root = this.#writer.root;
    this.#writer.root = this.#other;
    this.#other = root;
    this.#writer.root.moveTo(undefined);
    this.#writer.root.reclaim();
  }
}
