import { StateReadOnlyError } from './errors.js';
import { findRefusal, formatKey, putProperty, refusalError } from './plain-data.js';
import { ArrayNode, type Item } from './state-array.js';
import { type Change, StateJournal } from './state-journal.js';
import { nodeOf, type Primitive, StateNode, type StateWriter, type Stored } from './state-node.js';
import { ObjectNode } from './state-object.js';

/** The one who may write to a tree, and what was written. */
export class TreeWriter implements StateWriter {
  root: StateNode;
  journaling = false;
  /** Whether a change is running. */
  writing = false;
  readonly changes = new StateJournal();

  constructor(initial: unknown) {
    this.root = this.adoptRoot(initial, false);
  }

  journal(change: Change): void {
    this.changes.add(change);
  }

  assertWriting(node: StateNode, key?: string | number): void {
    if (!this.writing) throw new StateReadOnlyError(key === undefined ? node.path() : pathTo(node, key));
  }

  adopt(value: unknown, into: StateNode, key: string | number): Primitive | StateNode {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value;
      case 'number':
        // JSON has no -0, and no NaN or Infinity either: those go on to be refused.
        if (Number.isFinite(value)) return value + 0;
    }
    const refusal = findRefusal(value, into.depth() + 1, heightOfView);
    if (refusal) throw refusalError(refusal, value, 'what was assigned to the state', pathTo(into, key));
    return this.#own(value, into, true);
  }

  /** The node for a whole state. */
  adoptRoot(value: unknown, freeze: boolean): StateNode {
    const refusal = findRefusal(value, 0, heightOfView) ?? (isContainer(value) ? undefined : NO_CONTAINER);
    if (refusal) throw refusalError(refusal, value, 'the state', '$');
    return this.#own(value, undefined, freeze) as StateNode;
  }

  /** Copies plain data into nodes. What was taken out of the state and is put back somewhere is not copied: its views stay live. */
  #own(value: unknown, into: StateNode | undefined, freeze: boolean): Primitive | StateNode {
    if (typeof value === 'number') return value + 0;
    if (typeof value !== 'object' || value === null) return value as Primitive;
    const node = nodeOf(value);
    if (node) {
      const isFree = node.writer === this && !node.parent && node !== this.root && !into?.isWithin(node);
      return isFree ? node : this.#copyNode(node);
    }
    const copy = Array.isArray(value) ? this.#copyArray(value, into, freeze) : this.#copyObject(value, into, freeze);
    // A later write to the original would be lost: better that it fails.
    if (freeze) Object.freeze(value);
    return copy;
  }

  #copyArray(value: readonly unknown[], into: StateNode | undefined, freeze: boolean): ArrayNode {
    const node = new ArrayNode(this, []);
    for (const item of value) node.values.push(this.#inside(node, this.#own(item, into, freeze)) as Item);
    return node;
  }

  #copyObject(value: object, into: StateNode | undefined, freeze: boolean): ObjectNode {
    const values: Record<string, Stored> = {};
    const node = new ObjectNode(this, values);
    for (const [key, item] of Object.entries(value)) {
      if (item !== undefined) putProperty(values, key, this.#inside(node, this.#own(item, into, freeze)));
    }
    return node;
  }

  #copyNode(original: StateNode): StateNode {
    const node = original instanceof ArrayNode ? new ArrayNode(this, []) : new ObjectNode(this, {});
    for (const [key, item] of original.entries()) {
      const copy = item instanceof StateNode ? this.#copyNode(item) : item;
      putProperty(node.values as Record<string, unknown>, key as string, this.#inside(node, copy));
    }
    return node;
  }

  #inside<Value extends Primitive | StateNode>(parent: StateNode, value: Value): Value {
    if (value instanceof StateNode) value.parent = parent;
    return value;
  }
}

const NO_CONTAINER = { keys: [], why: 'is neither an object nor an array' };

function isContainer(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function heightOfView(value: object): number | undefined {
  return nodeOf(value)?.height();
}

function pathTo(node: StateNode, key: string | number): string {
  return node.path() + formatKey(Array.isArray(node.values) && String(Number(key)) === key ? Number(key) : key);
}
