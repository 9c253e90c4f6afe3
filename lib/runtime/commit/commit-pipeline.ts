import type { AppendResult } from '../../engine/duties/index.js';
import { appendWithRetry } from '../../engine/writing/index.js';
import type { OptimisticState, Rebased } from '../../kernel/folding/index.js';
import { CommitTimeoutError, EngineError, type EventRecord, type NewEvent } from '../../kernel/values/index.js';
import type { RuntimeParts, Trace, TracedActor } from '../parts/index.js';
import { type Commit, settleFailed, settleStored } from './commit.js';
import { conflictOf, incomplete, ledElsewhere } from './conflict-errors.js';

/**
 * Stores an activation's pending commits in order, one append at a time. Everything that queues up during an append goes with the next one. On a conflict, the
 * others' events go below the pending ones, and the same commits are stored again.
 */
export class CommitPipeline {
  appending = false;
  /** Whether it appends at the expected version, so that no other writer's event stays unseen. */
  isChecked: boolean;
  readonly #parts: RuntimeParts;
  readonly #streamId: string;
  readonly #state: OptimisticState<Commit>;
  readonly #owner: PipelineOwner;
  #flushScheduled = false;
  /** How many commits of a refused append are still to be stored one by one, so that only the faulty one fails. */
  #singly = 0;
  #lastRetryError: unknown;
  #stopped = false;
  /** Lets the process end. Callers that wait for an append keep it alive until the append ends or they time out. */
  #releaseProcess: () => void = () => {};

  constructor(
    parts: RuntimeParts,
    streamId: string,
    isChecked: boolean,
    state: OptimisticState<Commit>,
    owner: PipelineOwner,
  ) {
    this.#parts = parts;
    this.#streamId = streamId;
    this.isChecked = isChecked;
    this.#state = state;
    this.#owner = owner;
  }

  /**
   * From now on it appends at the expected version.
   *
   * @throws ConflictError when that is too late: it has appended after other events that are not in its state. The actor is loaded again.
   */
  check(): void {
    this.isChecked = true;
    if (!this.#state.incomplete) return;
    // An append that is under way may succeed. Its callers get their answer first.
    this.#parts.environment.queueMicrotask(() => this.#giveUpIfIncomplete());
    throw incomplete(this.#owner.label);
  }

  /** Stores pending commits soon. Commits that are sealed before the event loop turns go with them. */
  schedule(): void {
    if (this.#flushScheduled || this.appending) return;
    this.#flushScheduled = true;
    this.#parts.environment.setImmediate(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  /** Others' events were stored first. */
  rebase(others: readonly EventRecord[]): void {
    if (this.#state.pending.length > 0) this.#parts.telemetry?.conflict(this.#owner.actorName);
    const overtaken = this.#owner.overtaken(others);
    let evicted: readonly Commit[] = [];
    try {
      if (overtaken) evicted = this.#state.drop(this.#state.pending.length).dropped;
      this.#settleRebased(this.#state.rebase(others));
    } catch (error) {
      this.#owner.broke(error);
      // Nothing here can forward them to the leader any more.
      for (const commit of evicted) settleFailed(commit, error);
      return;
    }
    if (overtaken) this.#evict(evicted);
    this.#owner.changed();
    if (this.#state.pending.length > 0) this.schedule();
  }

  /** Fails everything pending and stops retrying; for an activation that ends. */
  abandon(error: unknown): void {
    this.#stopped = true;
    this.#releaseProcess();
    for (const commit of this.#state.pending.splice(0)) settleFailed(commit, error);
  }

  /**
   * Rejects callers whose commit took too long; their events stay pending. The time runs from the first check, so the many commits that are stored before any
   * check never read the clock.
   */
  timeOut(commits: readonly Commit[], nowMs: number): void {
    const { commitTimeoutMs } = this.#parts.limits;
    for (const commit of commits) {
      const timed = commit.part ? commit : commit.request;
      timed.deadlineMs ??= nowMs + commitTimeoutMs;
      if (commit.timedOut || timed.deadlineMs > nowMs) continue;
      commit.timedOut = true;
      settleFailed(commit, new CommitTimeoutError(this.#owner.label, commitTimeoutMs, this.#lastRetryError));
    }
    if (this.#state.pending.every(({ timedOut }) => timedOut)) this.#releaseProcess();
  }

  #flush(): void {
    if (this.appending || this.#stopped) return;
    const { count, events, isChecked } = this.#nextBatch();
    if (count === 0) return;
    if (events.length === 0) {
      this.#confirm(count, 0);
      return;
    }
    if (isChecked && this.#state.incomplete) {
      this.#owner.broke(incomplete(this.#owner.label));
      return;
    }
    this.appending = true;
    const expectedVersion = this.isChecked || isChecked ? this.#state.version : 'any';
    const request = { streamId: this.#streamId, expectedVersion, events } as const;
    const { engine, telemetry } = this.#parts;
    const trace = telemetry?.append(this.#owner, engine.name, this.#state.pending.slice(0, count));
    const append = () =>
      appendWithRetry(engine, request, {
        lastSeenVersion: this.#state.version,
        stopped: () => this.#stopped,
        onRetry: (error) => this.#noteRetry(error, trace),
        environment: this.#parts.environment,
      });
    this.#releaseProcess = this.#parts.environment.keepAlive();
    (trace ? trace.run(append) : append()).then(
      (result) => {
        trace?.ended(result.kind);
        this.#onResult(count, result);
      },
      (error: unknown) => {
        trace?.failed(error);
        this.#onFailure(count, error);
      },
    );
  }

  /** The longest run of pending commits that fits into one append; at least one. */
  #nextBatch(): { count: number; events: NewEvent[]; isChecked: boolean } {
    const events: NewEvent[] = [];
    const countMax = this.#singly > 0 ? 1 : Number.POSITIVE_INFINITY;
    let count = 0;
    let isChecked = false;
    for (const commit of this.#state.pending) {
      if (count >= countMax) break;
      if (count > 0 && events.length + commit.events.length > this.#parts.limits.appendEventsMax) break;
      for (const event of commit.events) events.push(event);
      // Other writers' events may decide that it must not be stored as it is.
      isChecked ||= commit.isStale !== undefined;
      count += 1;
    }
    if (this.#singly > 0) this.#singly -= 1;
    return { count, events, isChecked };
  }

  #onResult(count: number, result: AppendResult): void {
    this.appending = false;
    this.#releaseProcess();
    this.#parts.writes.worked();
    this.#lastRetryError = undefined;
    if (this.#stopped) return;
    if (result.kind === 'appended') {
      this.#confirm(count, result.version);
    } else if (result.events.length > 0) {
      this.rebase(result.events);
    } else {
      this.#owner.broke(this.#regressed(result.version));
      return;
    }
    this.#owner.appended();
    this.#giveUpIfIncomplete();
  }

  /** Gives the activation up if events are missing in its state: an expected version would check nothing then. */
  #giveUpIfIncomplete(): void {
    if (!this.isChecked || !this.#state.incomplete || this.appending || this.#stopped) return;
    this.#owner.broke(incomplete(this.#owner.label));
  }

  #confirm(count: number, firstVersion: number): void {
    const stored = this.#state.confirm(count, firstVersion);
    if (this.#state.pending.length > 0) this.schedule();
    this.#owner.changed();
    for (const commit of stored) settleStored(commit);
  }

  #onFailure(count: number, error: unknown): void {
    this.appending = false;
    this.#releaseProcess();
    this.#parts.writes.failed(error);
    if (this.#stopped) return;
    if (error instanceof EngineError && error.outcomeUnknown) {
      // The events may be stored already and must not be stored again, and the state is unknown.
      this.#owner.broke(error);
      return;
    }
    if (count > 1) {
      this.#singly = count;
      this.schedule();
      return;
    }
    try {
      const { dropped, rebased } = this.#state.drop(count);
      for (const commit of dropped) settleFailed(commit, error);
      this.#settleRebased(rebased);
    } catch (broken) {
      this.#owner.broke(broken);
      return;
    }
    this.#owner.changed();
    if (this.#state.pending.length > 0) this.schedule();
    this.#owner.appended();
    this.#giveUpIfIncomplete();
  }

  #settleRebased(rebased: Rebased<Commit>): void {
    for (const commit of rebased.rejected) settleFailed(commit, conflictOf(this.#owner.label, commit));
    for (const { commit, error } of rebased.failed) settleFailed(commit, error);
    if (rebased.held.length > 0) this.#owner.hold(rebased.held);
  }

  #evict(commits: readonly Commit[]): void {
    const error = ledElsewhere(this.#owner.label);
    for (const commit of commits) {
      if (commit.part) commit.part.reject(error);
      else commit.request.evict(error);
    }
    this.#owner.evict(error);
  }

  #noteRetry(error: unknown, trace: Trace | undefined): void {
    trace?.noted('retry', error);
    this.#parts.writes.failed(error);
    if (this.#lastRetryError === undefined)
      this.#parts.log.warn(`${this.#owner.label}: a commit could not be stored; it is retried`, error);
    this.#lastRetryError = error;
  }

  #regressed(version: number): EngineError {
    return new EngineError(
      'STREAM_REGRESSED',
      `stream '${this.#streamId}' is at version ${version} in the store but was seen at ${this.#state.version}: was the store restored or replaced?`,
    );
  }
}

/** What the pipeline reports to its activation. */
export interface PipelineOwner extends TracedActor {
  readonly label: string;
  /** The state changed, or more of it is confirmed. */
  changed(): void;
  /** These must be run or applied again, in this order, before anything else. */
  hold(commits: readonly Commit[]): void;
  /** Whether these events make another node the leader. Then nothing of ours may be stored any more. */
  overtaken(others: readonly EventRecord[]): boolean;
  /** Another node leads; everything that waits must run there. */
  evict(error: unknown): void;
  /** An append ended. Others' events that were announced meanwhile may be read now. */
  appended(): void;
  /** The state is unusable; the actor must be loaded again. */
  broke(error: unknown): void;
}
