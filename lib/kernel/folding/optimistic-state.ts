import type { OnConflict } from '../declaring/marks.js';
import type { EventRecord, NewEvent } from '../values/event.js';
import type { ActorState } from './actor-state.js';

/**
 * Confirmed state plus pending commits plus the open turn, in one tree: the journal tells them apart. Undoing and redoing cost what the
 * changes cost, never what the state weighs.
 */
export class OptimisticState<Commit extends PendingCommit> {
  /** Version of the last stored event that is in the state. */
  version = 0;
  /** Its id; empty for the empty stream. */
  lastEventId = '';
  /** Moves on whenever `current()` becomes another one. */
  revision = 0;
  /** The same for `confirmed()`. */
  confirmedRevision = 0;
  /** Set when a stored event between two of our own is missing here (a writer that checks no version). */
  incomplete = false;
  /** In order; all of them are applied. */
  readonly pending: Commit[] = [];
  readonly #state: ActorState;
  readonly #onStored: ((events: readonly NewEvent[]) => boolean) | undefined;
  #open: OpenTurn | undefined;

  /** @param onStored hears of every event that is confirmed, ours and others', in order; says whether something pending is wrong now, also if no handler shows it. */
  constructor(state: ActorState, onStored?: (events: readonly NewEvent[]) => boolean) {
    this.#state = state;
    this.#onStored = onStored;
  }

  /** How many events of turns that are over are applied and not yet stored. */
  get pendingEvents(): number {
    let count = 0;
    for (const commit of this.pending) count += commit.events.length;
    return count;
  }

  /** The events that are applied and not yet stored, oldest first. */
  *unstored(): Generator<NewEvent> {
    for (const { events } of this.pending) yield* events;
    if (this.#open) yield* this.#open.events;
  }

  /** The newest event of a pending commit for which this holds. */
  findPending(holds: (event: NewEvent) => boolean): NewEvent | undefined {
    for (let i = this.pending.length - 1; i >= 0; i -= 1) {
      const event = this.pending[i]?.events.findLast(holds);
      if (event) return event;
    }
    return undefined;
  }

  /** The state as of the last stored event, frozen. */
  confirmed(): object {
    return this.#state.tree.frozenAt(this.#firstMark());
  }

  /** The state with everything pending, frozen; without what the open turn may still take back. */
  current(): object {
    const { tree } = this.#state;
    return this.#open ? tree.frozenAt(this.#open.mark) : tree.frozen();
  }

  /** Starts a turn: events fired from now on belong to it until it is sealed or discarded. */
  open(): void {
    this.#open = { events: [], mark: this.#state.tree.markSeen(), touched: false, doubted: false, failure: undefined };
  }

  /** Applies an event of the open turn. @throws HandlerError, with the state as before the event. */
  fire(event: NewEvent): void {
    const open = this.#opened();
    this.#state.apply(event, 0, true);
    open.events.push(event);
  }

  /** What happened to the open turn meanwhile: others' events changed the state under it, or its own events no longer apply. */
  get openTurn(): Readonly<OpenTurn> {
    return this.#opened();
  }

  /** Undoes the open turn's events and closes it; gives the events back. */
  discard(): readonly NewEvent[] {
    const open = this.#opened();
    this.#state.tree.undoTo(open.mark);
    this.#open = undefined;
    this.#settle();
    return open.events;
  }

  /** Closes the open turn; its events become a pending commit. */
  seal(onConflict: OnConflict, midTurn: boolean, make: (pending: PendingCommit) => Commit): Commit {
    const open = this.#opened();
    const commit = make({ events: open.events, onConflict, midTurn, mark: open.mark });
    this.#open = undefined;
    this.pending.push(commit);
    this.#changedSince(commit.mark);
    return commit;
  }

  /** Applies a held commit's events again, on top. @throws HandlerError, with the state as before. */
  reapply(commit: Commit): void {
    this.#applyPending(commit);
    this.pending.push(commit);
    this.#changedSince(commit.mark);
  }

  /** Events may change nothing. */
  #changedSince(mark: number): void {
    if (this.#state.tree.mark() !== mark) this.revision += 1;
  }

  /** The first `count` pending commits are stored; `firstVersion` is the version of their first event (if they have any). */
  confirm(count: number, firstVersion: number): Commit[] {
    const mark = this.#firstMark();
    const stored = this.pending.splice(0, count);
    if (this.#firstMark() !== mark) this.confirmedRevision += 1;
    let version = firstVersion;
    for (const { events } of stored) {
      if (events.length === 0) continue;
      if (version !== this.version + 1) this.incomplete = true;
      version += events.length;
      this.version = version - 1;
      this.lastEventId = (events.at(-1) as NewEvent).id;
      this.#onStored?.(events);
    }
    this.#settle();
    return stored;
  }

  /** Takes the first `count` pending commits out of the state because they can't be stored; the rest is rebased. */
  drop(count: number): { dropped: Commit[]; rebased: Rebased<Commit> } {
    this.#state.tree.undoTo(this.#firstMark());
    const dropped = this.pending.splice(0, count);
    return { dropped, rebased: this.#replayPending() };
  }

  /**
   * Others' events were stored at our version: they go under the pending ones. If none of them has a handler in this class, nothing is undone
   * or run again: the versions move up. Only a commit that has become wrong by what they say to the framework is, with those after it.
   *
   * @throws HandlerError when one of them can't be applied; the state is then worthless.
   */
  rebase(others: readonly EventRecord[]): Rebased<Commit> {
    const last = others.at(-1);
    if (!last) return UNTOUCHED;
    this.version = last.version;
    this.lastEventId = last.id;
    const isPendingWrong = this.#onStored?.(others) ?? false;
    const effect = this.#state.effectOf(others);
    if (effect !== 'state') return isPendingWrong || effect === 'decisions' ? this.#recheck() : UNTOUCHED;
    this.#state.tree.undoTo(this.#firstMark());
    for (const event of others) this.#state.apply(event, event.version, false);
    this.confirmedRevision += 1;
    return this.#replayPending();
  }

  /** The state is the same, but some decisions may be wrong now: from the first commit that says so of itself on, all are put back or run again. */
  #recheck(): Rebased<Commit> {
    if (this.#open) this.#open.doubted = true;
    const before = this.pending.splice(0);
    for (let commit = before[0]; commit && !isStale(commit); commit = before[this.pending.length])
      this.pending.push(commit);
    const rest = before.slice(this.pending.length);
    if (!rest[0]) return UNTOUCHED;
    this.#state.tree.undoTo(rest[0].mark);
    return this.#replayPending(rest);
  }

  /** Puts pending commits and the open turn back on a state that changed under them, each as its command chose. */
  #replayPending(before: readonly Commit[] = this.pending.splice(0)): Rebased<Commit> {
    this.revision += 1;
    const rejected: Commit[] = [];
    const failed: { commit: Commit; error: unknown }[] = [];
    const held: Commit[] = [];
    for (const commit of before) {
      if (!commit.midTurn && (held.length > 0 || mustRunAgain(commit))) {
        held.push(commit);
        continue;
      }
      if ((commit.onConflict === 'reject' && commit.events.length > 0) || (commit.midTurn && isStale(commit))) {
        rejected.push(commit);
        continue;
      }
      try {
        this.reapply(commit);
      } catch (error) {
        failed.push({ commit, error });
      }
    }
    this.#replayOpen();
    return { rejected, failed, held };
  }

  #replayOpen(): void {
    const open = this.#open;
    if (!open) return;
    open.touched = true;
    open.mark = this.#state.tree.mark();
    try {
      for (const event of open.events) this.#state.apply(event, 0, true);
    } catch (error) {
      this.#state.tree.undoTo(open.mark);
      open.failure ??= error;
      open.events.length = 0;
    }
  }

  #applyPending(commit: Commit): void {
    commit.mark = this.#state.tree.mark();
    try {
      for (const event of commit.events) this.#state.apply(event, 0, true);
    } catch (error) {
      this.#state.tree.undoTo(commit.mark);
      throw error;
    }
  }

  #firstMark(): number {
    return this.pending[0]?.mark ?? this.#open?.mark ?? this.#state.tree.mark();
  }

  #settle(): void {
    this.#state.tree.settle(this.#firstMark());
  }

  #opened(): OpenTurn {
    if (!this.#open) throw new Error('no turn is open');
    return this.#open;
  }
}

/** Events of one commit that are applied here and not yet stored. */
export interface PendingCommit {
  readonly events: readonly NewEvent[];
  /** What to do when others' events, which this class handles, come first. */
  readonly onConflict: OnConflict;
  /** Whether what is stored by now makes it wrong as it is, so that it must be decided anew whatever `onConflict` says. */
  readonly isStale?: (() => boolean) | undefined;
  /** Its own turn is still running and may wait for it, so it can't wait for that turn. */
  readonly midTurn: boolean;
  /** Where its changes begin in the state's journal; kept up to date by `OptimisticState`. */
  mark: number;
}

/** What became of the pending commits when others' events came first. */
export interface Rebased<Commit extends PendingCommit> {
  /** Their command wants to fail; their events are gone from the state. */
  readonly rejected: readonly Commit[];
  /** Their events can no longer be applied; gone from the state. */
  readonly failed: readonly { commit: Commit; error: unknown }[];
  /** From the first that must be decided anew on: gone from the state, to be run or applied again in this order. */
  readonly held: readonly Commit[];
}

/** The turn that is running: what it fired so far, and what happened to it meanwhile. */
export interface OpenTurn {
  readonly events: NewEvent[];
  mark: number;
  /** Others' events changed the state under it. */
  touched: boolean;
  /** Others' events came that may make it wrong, though the state is the same. */
  doubted: boolean;
  /** Its own events could not be applied again after that. */
  failure: unknown;
}

/** Whether its method has to decide anew after others' events came first. */
export function mustRunAgain({ onConflict, isStale }: Pick<PendingCommit, 'onConflict' | 'isStale'>): boolean {
  return onConflict === 'rerun' || (isStale?.() ?? false);
}

/** Whether what is stored by now makes it wrong as it is. */
function isStale(commit: Pick<PendingCommit, 'isStale'>): boolean {
  return commit.isStale?.() ?? false;
}

const UNTOUCHED: Rebased<never> = { rejected: [], failed: [], held: [] };
