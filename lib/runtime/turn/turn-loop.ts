import { detached, TimeSlice } from '../../engine/environment/index.js';
import { mustRunAgain } from '../../kernel/folding/index.js';
import { ConflictError } from '../../kernel/values/index.js';
import { type Commit, commitOf, conflictOf, type Request, settleFailed } from '../commit/index.js';
import { isOvertaken, isTouched, mustDecideAgain } from './overtaken.js';
import { runInTurn, runOn, Turn, type TurnOwner } from './turn.js';
import { handled, plainAnswer, whenPrepared } from './turn-answer.js';
import type { TurnLoopParts } from './turn-loop-parts.js';

/**
 * Runs an activation's commands one at a time and in order. A finished command becomes a pending commit, and the next one runs on the pending state. Commits
 * that others' events overtook, and that must decide again, run before the mailbox, in their old order.
 */
export class TurnLoop implements TurnOwner {
  running: Turn | undefined;
  readonly label: string;
  readonly #parts: TurnLoopParts;
  readonly #mailbox: Request[] = [];
  /** Commits to be run or applied again, in the order of their requests. */
  readonly #held: Commit[] = [];
  #orders = 0;
  #isRunningCommands = false;
  /** While several commands wait: the current time slice. */
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
    const mustWait =
      this.#isRunningCommands || this.running !== undefined || this.#held.length + this.#mailbox.length > 0;
    if (mustWait) request.keepContext();
    this.#mailbox.push(request);
    this.#runCommands();
    // If it ran just now, that first run was part of the call.
    if (request.onConflict === 'rerun' || request.isStale) request.keepContext();
  }

  /** These commits run again soon. The caller is in the middle of a rebase. */
  hold(commits: readonly Commit[]): void {
    for (const commit of commits) this.#holdInOrder(commit);
    this.#parts.runtime.environment.queueMicrotask(() => this.#runCommands());
  }

  /** Makes a commit of what the turn has fired so far, and resolves when it is stored. It checks what the end of a command checks. */
  commitPart(turn: Turn): Promise<void> {
    const refusal = this.#refusalOf(turn);
    if (refusal !== undefined) return handled(Promise.reject(refusal));
    const stored = new Promise<void>((resolve, reject) => {
      turn.request.partlyCommitted = true;
      this.#seal(turn.request, undefined, { resolve, reject });
      this.#parts.state.open();
    });
    // A failure that the method does not await still fails the command. It must not end the process.
    stored.catch((error: unknown) => {
      turn.failure ??= error;
      turn.request.partFailure ??= error;
    });
    return stored;
  }

  /** Why the turn's events may not be stored; `undefined` if they may. */
  #refusalOf(turn: Turn): unknown {
    const open = this.#parts.state.openTurn;
    turn.failure ??= open.failure;
    if (turn.failure === undefined && isOvertaken(turn.request, open)) {
      turn.failure = conflictOf(this.label, { request: turn.request });
      // Even if the method catches this, a command that has stored nothing yet can decide again.
      turn.mustRunAgain = !turn.request.partlyCommitted;
    }
    return turn.failure;
  }

  /** Fails everything that waits. The running method continues, but its command fails. */
  end(error: unknown): void {
    this.#ended = true;
    this.#endError = error;
    for (const commit of this.#held.splice(0)) settleFailed(commit, error);
    for (const request of this.#mailbox.splice(0)) request.reject(error);
    if (this.running) this.running.failure ??= error;
  }

  /** Another node leads the actor now, so nothing that waits or runs here may be stored. */
  evict(error: unknown): void {
    for (const commit of this.#held.splice(0)) commit.request.evict(error);
    for (const request of this.#mailbox.splice(0)) request.evict(error);
    if (!this.running) return;
    this.running.failure ??= error;
    this.running.evicted = true;
  }

  #runCommands(): void {
    if (this.#isRunningCommands) return;
    this.#isRunningCommands = true;
    while (!this.running && !this.#ended) {
      if (this.#mustYield()) return;
      const commit = this.#held.shift();
      const request = commit ? undefined : this.#mailbox.shift();
      if (commit) this.#repeat(commit);
      else if (request) this.#start(request);
      else break;
    }
    this.#isRunningCommands = false;
  }

  /** While several commands wait, it yields to timers and sockets after each time slice. A single command is never measured. */
  #mustYield(): boolean {
    const isAlone = this.#mailbox.length + this.#held.length < 2;
    const slice = isAlone ? undefined : (this.#slice ?? new TimeSlice(this.#parts.runtime.environment));
    this.#slice = slice;
    if (!slice?.isUsedUp) return false;
    detached(() => {
      void slice.turn().then(() => {
        this.#isRunningCommands = false;
        this.#runCommands();
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
        this.#runCommands();
      },
      (error: unknown) => {
        this.#fail(turn, error);
        this.#runCommands();
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
      // Earlier commands have yet to decide again. These events go on top of theirs.
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
    // It may have failed because it read the old state first and the new state later.
    const isMixed = isTouched(request, state.openTurn) && request.onConflict === 'rerun' && !request.partlyCommitted;
    turn.over = true;
    this.running = undefined;
    state.discard();
    if (turn.evicted) request.evict(error);
    else if ((turn.mustRunAgain || isMixed) && !this.#ended) this.#decideAgain(request);
    else request.reject(error);
  }

  /** Runs or applies a held commit again. */
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

  /** Runs a command again after others' events changed the state on which it decided. */
  #decideAgain(request: Request): void {
    const { rerunsMax } = this.#parts.runtime.limits;
    if (request.onConflict === 'reject' || request.partlyCommitted) {
      request.reject(conflictOf(this.label, { request }));
    } else if (request.reruns >= rerunsMax) {
      request.reject(
        new ConflictError(
          `${this.label}: '${request.name}' was run again ${rerunsMax} times (rerunsMax), and other events came first each time: give it again`,
        ),
      );
    } else {
      request.reruns += 1;
      request.trace?.noted('rerun');
      this.#start(request);
    }
  }

  #seal(request: Request, answer: unknown, part: Commit['part']): void {
    // A command that is partly stored cannot run again. It fails instead, so that its rule is not silently skipped.
    const onConflict = request.onConflict === 'rerun' && request.partlyCommitted ? 'reject' : request.onConflict;
    this.#parts.state.seal(onConflict, part !== undefined, (pending) => commitOf(request, pending, answer, part));
    this.#parts.pipeline.schedule();
  }

  #holdInOrder(commit: Commit): void {
    const at = this.#held.findIndex((other) => other.request.order > commit.request.order);
    this.#held.splice(at === -1 ? this.#held.length : at, 0, commit);
  }
}
