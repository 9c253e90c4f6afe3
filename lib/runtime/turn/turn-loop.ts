import { detached } from '../../engine/environment/async-context.js';
import { TimeSlice } from '../../engine/environment/time-slices.js';
import { mustRunAgain } from '../../kernel/folding/optimistic-state.js';
import { ConflictError } from '../../kernel/values/errors.js';
import { type Commit, commitOf, settleFailed } from '../commit/commit.js';
import { conflictOf } from '../commit/conflict-errors.js';
import type { Request } from '../commit/request.js';
import { isOvertaken, isTouched, mustDecideAgain } from './overtaken.js';
import { runInTurn, runOn, Turn, type TurnOwner } from './turn.js';
import { handled, plainAnswer, whenPrepared } from './turn-answer.js';
import type { TurnLoopParts } from './turn-loop-parts.js';

/**
 * Runs an activation's commands one at a time, in order: a finished one becomes a pending commit, and the next runs on the pending state. Commits
 * that others' events overtook, and that must be decided anew, come again before the mailbox, in their old order.
 */
export class TurnLoop implements TurnOwner {
  running: Turn | undefined;
  readonly label: string;
  readonly #parts: TurnLoopParts;
  readonly #mailbox: Request[] = [];
  /** Commits to run or apply again, in the order of their requests. */
  readonly #held: Commit[] = [];
  #orders = 0;
  #pumping = false;
  /** While several wait: since when others had no turn. */
  #slice: TimeSlice | undefined;
  #ended = false;
  #endError: unknown;

  constructor(parts: TurnLoopParts) {
    this.#parts = parts;
    this.label = parts.label;
  }

  /** How many commands wait or run. */
  get size(): number {
    return this.#mailbox.length + this.#held.length + (this.running ? 1 : 0);
  }

  get held(): readonly Commit[] {
    return this.#held;
  }

  enqueue(request: Request): void {
    if (this.#ended) {
      request.reject(this.#endError);
      return;
    }
    const mustWait = this.#pumping || this.running !== undefined || this.#held.length + this.#mailbox.length > 0;
    if (mustWait) request.keepContext();
    this.#mailbox.push(request);
    this.#pump();
    // Its first run, if that was just now, was a part of the call.
    if (request.onConflict === 'rerun' || request.isStale) request.keepContext();
  }

  /** These come again, soon (the caller is in the middle of a rebase). */
  hold(commits: readonly Commit[]): void {
    for (const commit of commits) this.#holdInOrder(commit);
    this.#parts.runtime.environment.queueMicrotask(() => this.#pump());
  }

  /** What the turn has fired so far becomes a commit of its own; resolves when that is stored. What the end of a command checks is checked before. */
  commitPart(turn: Turn): Promise<void> {
    const refusal = this.#refusalOf(turn);
    if (refusal !== undefined) return handled(Promise.reject(refusal));
    const stored = new Promise<void>((resolve, reject) => {
      turn.request.partlyCommitted = true;
      this.#seal(turn.request, undefined, { resolve, reject });
      this.#parts.state.open();
    });
    // A failure that the method does not await still fails the command, and must not end the process.
    stored.catch((error: unknown) => {
      turn.failure ??= error;
      turn.request.partFailure ??= error;
    });
    return stored;
  }

  /** Why nothing of what the turn has fired may be stored. */
  #refusalOf(turn: Turn): unknown {
    const open = this.#parts.state.openTurn;
    turn.failure ??= open.failure;
    if (turn.failure === undefined && isOvertaken(turn.request, open)) {
      turn.failure = conflictOf(this.label, { request: turn.request });
      // Whatever the method makes of that: what has stored nothing yet can be decided anew.
      turn.mustRunAgain = !turn.request.partlyCommitted;
    }
    return turn.failure;
  }

  /** Fails all that waits; the running method goes on, but its command fails. */
  end(error: unknown): void {
    this.#ended = true;
    this.#endError = error;
    for (const commit of this.#held.splice(0)) settleFailed(commit, error);
    for (const request of this.#mailbox.splice(0)) request.reject(error);
    if (this.running) this.running.failure ??= error;
  }

  /** The actor is led elsewhere now: nothing that waits or runs here may be stored. */
  evict(error: unknown): void {
    for (const commit of this.#held.splice(0)) commit.request.evict(error);
    for (const request of this.#mailbox.splice(0)) request.evict(error);
    if (!this.running) return;
    this.running.failure ??= error;
    this.running.evicted = true;
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (!this.running && !this.#ended) {
      if (this.#mustRest()) return;
      const commit = this.#held.shift();
      const request = commit ? undefined : this.#mailbox.shift();
      if (commit) this.#repeat(commit);
      else if (request) this.#start(request);
      else break;
    }
    this.#pumping = false;
  }

  /** Many that wait leave timers and sockets their turn, and go on after it. Who is alone is not asked how long it took. */
  #mustRest(): boolean {
    const isAlone = this.#mailbox.length + this.#held.length < 2;
    const slice = isAlone ? undefined : (this.#slice ?? new TimeSlice(this.#parts.runtime.environment));
    this.#slice = slice;
    if (!slice?.isUsedUp) return false;
    detached(() => {
      void slice.turn().then(() => {
        this.#pumping = false;
        this.#pump();
      });
    });
    return true;
  }

  #start(request: Request): void {
    if (request.order === 0) request.order = ++this.#orders;
    const turn = new Turn(this, request);
    this.running = turn;
    this.#parts.state.open();
    let answer: unknown;
    try {
      answer = runInTurn(turn, this.#parts.actor);
    } catch (error) {
      this.#fail(turn, error);
      return;
    }
    const later = whenPrepared(turn, answer);
    if (later) this.#finishLater(turn, later);
    else this.#finish(turn, answer);
  }

  #finishLater(turn: Turn, answer: Promise<unknown>): void {
    answer.then(
      (value) => {
        this.#finish(turn, value);
        this.#pump();
      },
      (error: unknown) => {
        this.#fail(turn, error);
        this.#pump();
      },
    );
  }

  #finish(turn: Turn, answer: unknown): void {
    const { state } = this.#parts;
    const { request } = turn;
    const open = state.openTurn;
    const { failure, events } = open;
    if (turn.failure !== undefined || failure !== undefined) {
      this.#fail(turn, turn.failure ?? failure);
      return;
    }
    if ((events.length > 0 || turn.mustComplete) && !turn.completed && this.#parts.completing) {
      turn.completed = true;
      const completion = runOn(turn, this.#parts.completing);
      if (completion) {
        this.#finishLater(
          turn,
          completion.then(() => answer),
        );
        return;
      }
    }
    const { plain, error } = plainAnswer(answer);
    if (error !== undefined) {
      this.#fail(turn, error);
      return;
    }
    turn.over = true;
    this.running = undefined;
    if (isOvertaken(request, open)) {
      state.discard();
      this.#decideAgain(request);
      return;
    }
    if (this.#held.some((commit) => commit.request.order < request.order)) {
      // Earlier commands have yet to be decided anew: what this one fired goes on top of theirs.
      const pending = { events: state.discard(), onConflict: request.onConflict, midTurn: false, mark: 0 };
      this.#holdInOrder(commitOf(request, pending, plain, undefined));
    } else if (events.length === 0 && state.pending.length === 0) {
      state.discard();
      request.resolve(plain);
    } else {
      this.#seal(request, plain, undefined);
      if (events.length > 0) this.#parts.changed();
    }
    request.onExecuted?.();
  }

  #fail(turn: Turn, error: unknown): void {
    const { request } = turn;
    const { state } = this.#parts;
    // It may have failed because it read the old state and then found the new one.
    const isMixed = isTouched(request, state.openTurn) && request.onConflict === 'rerun' && !request.partlyCommitted;
    turn.over = true;
    this.running = undefined;
    state.discard();
    if (turn.evicted) request.evict(error);
    else if ((turn.mustRunAgain || isMixed) && !this.#ended) this.#decideAgain(request);
    else request.reject(error);
  }

  /** A held commit's turn has come again. */
  #repeat(commit: Commit): void {
    if (mustRunAgain(commit)) {
      this.#decideAgain(commit.request);
      return;
    }
    if (mustDecideAgain(commit, commit.events.length)) {
      settleFailed(commit, conflictOf(this.label, commit));
      return;
    }
    try {
      this.#parts.state.reapply(commit);
    } catch (error) {
      settleFailed(commit, error);
      return;
    }
    this.#parts.pipeline.schedule();
    this.#parts.changed();
  }

  /** Others' events changed the state that this command was decided on. */
  #decideAgain(request: Request): void {
    const { rerunsMax } = this.#parts.runtime.limits;
    if (request.onConflict === 'reject' || request.partlyCommitted) {
      request.reject(conflictOf(this.label, { request }));
    } else if (request.reruns >= rerunsMax) {
      request.reject(
        new ConflictError(`${this.label}: others' events overtook '${request.name}' ${rerunsMax} times (rerunsMax)`),
      );
    } else {
      request.reruns += 1;
      request.trace?.noted('rerun');
      this.#start(request);
    }
  }

  #seal(request: Request, answer: unknown, part: Commit['part']): void {
    // What is partly stored can't be run again, and a rule must not be lost in silence: so it fails instead.
    const onConflict = request.onConflict === 'rerun' && request.partlyCommitted ? 'reject' : request.onConflict;
    this.#parts.state.seal(onConflict, part !== undefined, (pending) => commitOf(request, pending, answer, part));
    this.#parts.pipeline.schedule();
  }

  #holdInOrder(commit: Commit): void {
    const at = this.#held.findIndex((other) => other.request.order > commit.request.order);
    this.#held.splice(at === -1 ? this.#held.length : at, 0, commit);
  }
}
