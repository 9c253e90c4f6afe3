import { isPlainObject, putProperty } from './plain-data.js';
import { TreeWriter } from './state-copy.js';
import type { Change } from './state-journal.js';
import { nodeOf, type StateNode } from './state-node.js';

/**
 * An actor's state. Users hold views of it, which always show what is true now and can be written to only inside `change()`, or frozen copies.
 * Undoing costs what the change cost, never what the state weighs.
 */
export class StateTree<S extends object = object> {
  readonly #writer: TreeWriter;

  /** @throws PayloadError if the initial state isn't plain data; it is copied. */
  constructor(initial: unknown) {
    this.#writer = new TreeWriter(initial);
  }

  /** The live view of the whole state; the same one until `replace`. */
  get view(): S {
    return this.#writer.root.view as S;
  }

  /** Puts another state in the place of the whole. @throws StateReadOnlyError outside a change. */
  replace(value: S): void {
    const writer = this.#writer;
    writer.assertWriting(writer.root);
    if (nodeOf(value) === writer.root) return;
    const change = new RootReplaced(writer, writer.adoptRoot(value, true));
    change.flip();
    if (writer.journaling) writer.journal(change);
  }

  /** Runs a handler: it may write. If it throws, an undoable change is undone before the error goes on. */
  change(fn: () => void, undoable: boolean): void {
    const writer = this.#writer;
    this.#assertIdle('change');
    if (!undoable && !writer.changes.isEmpty) {
      throw new Error(
        "a change that can't be undone was made on top of changes that may yet be: undo or settle them first",
      );
    }
    const mark = writer.changes.mark;
    writer.writing = true;
    writer.journaling = undoable;
    try {
      fn();
    } catch (error) {
      if (undoable) writer.changes.undoTo(mark);
      throw error;
    } finally {
      writer.writing = false;
    }
  }

  /** A deep-frozen copy of the state as it is now. Nothing that didn't change since is copied again. */
  frozen(): S {
    return this.#writer.root.frozen() as S;
  }

  /** A place between changes. */
  mark(): number {
    return this.#writer.changes.mark;
  }

  /** Undoes every undoable change since the mark, newest first. */
  undoTo(mark: number): void {
    this.#assertIdle('undoTo');
    this.#writer.changes.undoTo(mark);
  }

  /** The changes before the mark will never be undone. */
  settle(mark: number): void {
    this.#assertIdle('settle');
    this.#writer.changes.settle(mark);
  }

  /** A deep-frozen copy of the state as it was at the mark. */
  frozenAt(mark: number): S {
    this.#assertIdle('frozenAt');
    return this.#writer.changes.lookBack(mark, () => this.frozen());
  }

  #assertIdle(method: string): void {
    if (this.#writer.writing) throw new Error(`${method}() inside a change of the same state`);
  }
}

/** Whether a value is a live view of some state. */
export function isView(value: unknown): boolean {
  return nodeOf(value) !== undefined;
}

/** A value without views: each is replaced by a frozen copy. What holds none is given back as it is. */
export function unwrap(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return holdsView(value, new Set()) ? withoutViews(value, new Map()) : value;
}

function holdsView(value: unknown, seen: Set<object>): boolean {
  if (!isContainer(value) || seen.has(value)) return false;
  if (isView(value)) return true;
  seen.add(value);
  return Object.values(value).some((item) => holdsView(item, seen));
}

function withoutViews(value: unknown, copies: Map<object, unknown>): unknown {
  if (!isContainer(value)) return value;
  const node = nodeOf(value);
  if (node) return node.frozen();
  if (copies.has(value)) return copies.get(value);
  const copy = (Array.isArray(value) ? [] : {}) as Record<string, unknown>;
  copies.set(value, copy);
  for (const [key, item] of Object.entries(value)) putProperty(copy, key, withoutViews(item, copies));
  return copy;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && (Array.isArray(value) || isPlainObject(value));
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
  }
}
