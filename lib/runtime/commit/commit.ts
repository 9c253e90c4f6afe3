import type { PendingCommit } from '../../kernel/folding/optimistic-state.js';
import type { Request } from './request.js';

/** What a turn, or a part of it, has fired, with whoever waits for it. */
export function commitOf(request: Request, pending: PendingCommit, answer: unknown, part: Commit['part']): Commit {
  const { events, onConflict, midTurn, mark } = pending;
  const { isStale } = request;
  return {
    events,
    onConflict,
    midTurn,
    mark,
    isStale,
    request,
    answer,
    part,
    deadlineMs: undefined,
    timedOut: false,
  };
}

/** A finished command, or a part of one, whose events are not yet stored. */
export interface Commit extends PendingCommit {
  readonly request: Request;
  /** What to answer once it is stored; for a part, `undefined`. */
  readonly answer: unknown;
  /** Settles the promise of `this.commit()`; absent for the end of a command. */
  readonly part: { resolve(): void; reject(error: unknown): void } | undefined;
  /** For a part, which has a deadline of its own: when its waiter is told that it takes too long. */
  deadlineMs: number | undefined;
  timedOut: boolean;
}

/** Tells whoever waits for this commit that it is stored. */
export function settleStored(commit: Commit): void {
  const { part, request, answer } = commit;
  if (part) part.resolve();
  else if (request.partFailure !== undefined) request.reject(request.partFailure);
  else request.resolve(answer);
}

/** Tells whoever waits for this commit that it failed. */
export function settleFailed(commit: Commit, error: unknown): void {
  if (commit.part) commit.part.reject(error);
  else commit.request.reject(error);
}
