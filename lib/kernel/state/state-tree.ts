import { isContainer, isInstance, isPlainObject, messageOf, putProperty } from '../values/index.js';
import { nodeOf, type StateNode } from './state-node.js';
import { TreeWriter } from './state-writer.js';

/**
 * An actor's state. Users hold live views, which can be written to only inside `change()`, or frozen copies. Undoing
 * costs as much as the change, however large the state is.
 */
export class StateTree<S extends object = object> {
  readonly #writer: TreeWriter;
  /** The last results of `frozenAt`, oldest first, for as long as nothing before their marks changes. */
  #pasts: readonly Past<S>[] = NO_PASTS;

  /** Copies the initial state. @throws PayloadError if it is not plain data. */
  constructor(initial: unknown) {
    this.#writer = new TreeWriter(initial);
  }

  /** The live view of the whole state. It is the same one until `replace`. */
  get view(): S {
    return this.#writer.root.view as S;
  }

  /** Replaces the whole state. @throws StateReadOnlyError outside a change. */
  replace(value: S): void {
    this.#writer.replaceRoot(value);
  }

  /** Runs a handler, which may write. If it throws, an undoable change is undone before the error is thrown on. */
  change(fn: () => void, undoable: boolean): void {
    this.#assertIdle('change');
    const writer = this.#writer;
    const { journaled } = writer;
    const { mark } = journaled;
    if (!undoable) this.#assertNothingPending();
    writer.change += 1;
    writer.journaling = undoable;
    writer.writing = true;
    try {
      fn();
    } catch (error) {
      journaled.undoTo(mark);
      throw withHint(error);
    } finally {
      writer.writing = false;
    }
  }

  /**
   * A deep-frozen copy of the state as it is now. Parts that did not change since the last copy are not copied again.
   */
  frozen(): S {
    return this.#writer.root.frozen() as S;
  }

  /** A place between two changes. */
  mark(): number {
    return this.#writer.journaled.mark;
  }

  /** Undoes every undoable change since the mark, newest first. */
  undoTo(mark: number): void {
    this.#assertIdle('undoTo');
    this.#forget((past) => past.mark > mark);
    this.#writer.journaled.undoTo(mark);
  }

  /** Declares that the changes before the mark will never be undone. */
  settle(mark: number): void {
    this.#assertIdle('settle');
    this.#forget((past) => past.mark < mark);
    this.#writer.journaled.settle(mark);
  }

  /**
   * A mark for a later `frozenAt`. If a frozen copy of the present was already handed out, `frozenAt` returns that one.
   */
  markSeen(): number {
    const mark = this.mark();
    const copy = this.#writer.root.lookedAt as S | undefined;
    if (copy) this.#remember(mark, copy);
    return mark;
  }

  /** A deep-frozen copy of the state as it was at the mark. The first call costs as much as the changes since then. */
  frozenAt(mark: number): S {
    this.#assertIdle('frozenAt');
    if (mark === this.mark()) return this.frozen();
    const known = this.#pasts.find((past) => past.mark === mark);
    return known?.copy ?? this.#remember(mark, this.#lookBack(mark));
  }

  #remember(mark: number, copy: S): S {
    const others = this.#pasts.filter((past) => past.mark !== mark);
    this.#pasts = [...others.slice(-(PASTS_MAX - 1)), { mark, copy }];
    return copy;
  }

  #forget(isOver: (past: Past<S>) => boolean): void {
    if (this.#pasts.some(isOver)) this.#pasts = this.#pasts.filter((past) => !isOver(past));
  }

  /** Copies of the present stay valid, because what is undone here is redone. */
  #lookBack(mark: number): S {
    const writer = this.#writer;
    const present: [node: StateNode, copy: object][] = [];
    writer.setAside = present;
    try {
      return writer.journaled.lookBack(mark, () => {
        writer.setAside = undefined;
        return this.frozen();
      });
    } finally {
      writer.setAside = undefined;
      for (const [node, copy] of present) node.restoreCopy(copy);
    }
  }

  #assertIdle(method: string): void {
    if (this.#writer.writing) throw new Error(`${method}() inside a change of the same state`);
  }

  #assertNothingPending(): void {
    if (!this.#writer.journaled.isEmpty) {
      throw new Error("a change that can't be undone on top of changes that may yet be: undo or settle those first");
    }
    this.#pasts = NO_PASTS;
  }
}

/** A frozen copy of the state as it was at a mark. */
interface Past<S> {
  readonly mark: number;
  readonly copy: S;
}

const NO_PASTS: readonly never[] = [];
/** The stored state, and the pending state below the running turn. */
const PASTS_MAX = 2;

/**
 * JavaScript engines use these words for a write to a frozen object. The hint only helps whoever meets them in a
 * handler.
 */
const WRITE_TO_FROZEN = /read only property|not extensible|Cannot delete property/;

function withHint(error: unknown): unknown {
  if (!isInstance(error, TypeError) || !WRITE_TO_FROZEN.test(messageOf(error))) return error;
  const hint =
    'a value that is assigned to the state is copied, and the original is frozen: read it back from the state to change it';
  return new TypeError(`${messageOf(error)} (${hint})`, { cause: error });
}

/** Whether a value is a live view of some state. */
export function isView(value: unknown): boolean {
  return nodeOf(value) !== undefined;
}

/** Replaces each view in a value by a frozen copy. A value without views is returned as it is. */
export function unwrap(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return holdsView(value, new Set()) ? withoutViews(value, new Map()) : value;
}

function holdsView(value: unknown, seen: Set<object>): boolean {
  if (!isPlain(value) || seen.has(value)) return false;
  if (isView(value)) return true;
  seen.add(value);
  return Object.values(value).some((item) => holdsView(item, seen));
}

function withoutViews(value: unknown, copies: Map<object, unknown>): unknown {
  if (!isPlain(value)) return value;
  const node = nodeOf(value);
  if (node) return node.frozen();
  if (copies.has(value)) return copies.get(value);
  const copy = (Array.isArray(value) ? [] : {}) as Record<string, unknown>;
  copies.set(value, copy);
  for (const [key, item] of Object.entries(value)) putProperty(copy, key, withoutViews(item, copies));
  return copy;
}

function isPlain(value: unknown): value is object {
  return isContainer(value) && (Array.isArray(value) || isPlainObject(value));
}
