import type { OnConflict } from '../declaring/index.js';
import type { EventRecord, NewEvent } from '../values/index.js';
import type { ActorState } from './actor-state.js';

/**
 * Confirmed state, pending commits and the open turn, in one tree. The journal tells them apart. Undoing and redoing cost as much as the changes, however large
 * the state is.
 */
export class OptimisticState<Commit extends PendingCommit> {
  /** Version of the last stored event that is in the state. */
  version = 0;
  /** Its id; empty for the empty stream. */
  lastEventId = '';
  /** It grows whenever `current()` changes. */
  revision = 0;
  /** It grows whenever `confirmed()` changes. */
  confirmedRevision = 0;
  /** Set when stored events between our own are missing here, because this writer checks no version. */
  incomplete = false;
  /** In order. All of them are applied. */
  readonly pending: Commit[] = [];
  readonly #state: ActorState;
  readonly #onStored: ((events: readonly NewEvent[]) => boolean) | undefined;
  #open: OpenTurn | undefined;

  /**
   * @param onStored gets every confirmed event, ours and others', in order. It returns whether a pending commit is invalid now, even if no handler shows it.
   */
  constructor(state: ActorState, onStored?: (events: readonly NewEvent[]) => boolean) {
    this.#state = state;
    this.#onStored = onStored;
  }

  /** How many events of finished turns are applied and not yet stored. */
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

  /** The newest event of a pending commit for which this returns true. */
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

  /** The state with all pending commits, frozen. What the open turn fired is left out, because it may still be discarded. */
  current(): object {
    const { tree } = this.#state;
    return this.#open ? tree.frozenAt(this.#open.mark) : tree.frozen();
  }

  /** Starts a turn. Events fired from now on belong to it until it is sealed or discarded. */
  open(): void {
    this.#open = { events: [], mark: this.#state.tree.markSeen(), touched: false, doubted: false, failure: undefined };
  }

  /** Applies an event of the open turn. @throws HandlerError; the state is then as before the event. */
  fire(event: NewEvent): void {
    const open = this.#opened();
    this.#state.apply(event, 0, true);
    open.events.push(event);
  }

  /** The open turn, with what happened to it meanwhile: others' events changed its state, or its own events no longer apply. */
  get openTurn(): Readonly<OpenTurn> {
    return this.#opened();
  }

  /** Undoes the open turn's events, closes it and returns the events. */
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

  /** Applies a held commit's events again, on top. @throws HandlerError; the state is then as before. */
  reapply(commit: Commit): void {
    this.#applyPending(commit);
    this.pending.push(commit);
    this.#changedSince(commit.mark);
  }

  /** A commit's events may change nothing. */
  #changedSince(mark: number): void {
    if (this.#state.tree.mark() !== mark) this.revision += 1;
  }

  /** Marks the first `count` pending commits as stored. `firstVersion` is the version of their first event, if they have any. */
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

  /** Removes the first `count` pending commits because they cannot be stored. The rest is rebased. */
  drop(count: number): { dropped: Commit[]; rebased: Rebased<Commit> } {
    this.#state.tree.undoTo(this.#firstMark());
    const dropped = this.pending.splice(0, count);
    return { dropped, rebased: this.#replayPending() };
  }

  /**
   * Others' events were stored at our version: they go below the pending ones. If this class has no handler for any of them, nothing is undone or run again;
   * only the versions grow. The exception is a commit that their framework data makes invalid: it is rebased together with those after it.
   *
   * @throws HandlerError when one of them cannot be applied; the state is then unusable.
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

  /** The state is unchanged, but some decisions may be invalid. From the first commit that is stale on, all are applied or run again. */
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

  /** Applies pending commits and the open turn again on a changed state, each according to its command's `onConflict`. */
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
  /** What to do when other events that this class handles come first. */
  readonly onConflict: OnConflict;
  /** Whether stored events have made it invalid. It must then be decided again, whatever `onConflict` says. */
  readonly isStale?: (() => boolean) | undefined;
  /** Its own turn still runs and may wait for it, so it cannot wait for that turn. */
  readonly midTurn: boolean;
  /** Where its changes begin in the state's journal. `OptimisticState` keeps this up to date. */
  mark: number;
}

/** What happened to the pending commits when others' events came first. */
export interface Rebased<Commit extends PendingCommit> {
  /** Their command chose to fail. Their events are removed from the state. */
  readonly rejected: readonly Commit[];
  /** Their events can no longer be applied. They are removed from the state. */
  readonly failed: readonly { commit: Commit; error: unknown }[];
  /** Removed from the state, from the first that must be decided again on. They are run or applied again in this order. */
  readonly held: readonly Commit[];
}

/** The running turn: what it fired so far, and what happened to it meanwhile. */
export interface OpenTurn {
  readonly events: NewEvent[];
  mark: number;
  /** Others' events changed its state. */
  touched: boolean;
  /** Others' events may have invalidated it, although the state is unchanged. */
  doubted: boolean;
  /** Why its own events could not be applied again afterwards. */
  failure: unknown;
}

/** Whether its method must decide again after others' events came first. */
export function mustRunAgain({ onConflict, isStale }: Pick<PendingCommit, 'onConflict' | 'isStale'>): boolean {
  return onConflict === 'rerun' || (isStale?.() ?? false);
}

/** Whether stored events have made it invalid. */
function isStale(commit: Pick<PendingCommit, 'isStale'>): boolean {
  return commit.isStale?.() ?? false;
}

const UNTOUCHED: Rebased<never> = { rejected: [], failed: [], held: [] };
