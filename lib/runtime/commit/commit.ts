import type { PendingCommit } from '../../kernel/folding/index.js';
import type { Request } from './request.js';

/** Makes a commit of what a turn, or a part of it, has fired. */
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

/** A finished command, or a part of one, whose events are not stored yet. */
export interface Commit extends PendingCommit {
  readonly request: Request;
  /** The answer, once it is stored; `undefined` for a part. */
  readonly answer: unknown;
  /** Settles the promise of `this.commit()`. It is missing for the end of a command. */
  readonly part: { resolve(): void; reject(error: unknown): void } | undefined;
  /** A part has a deadline of its own: when whoever waits for it gets a `CommitTimeoutError`. */
  deadlineMs: number | undefined;
  timedOut: boolean;
}

/** Settles the promise of a stored commit. */
export function settleStored(commit: Commit): void {
  const { part, request, answer } = commit;
  if (part) part.resolve();
  else if (request.partFailure !== undefined) request.reject(request.partFailure);
  else request.resolve(answer);
}

/** Rejects the promise of a failed commit. */
export function settleFailed(commit: Commit, error: unknown): void {
  if (commit.part) commit.part.reject(error);
  else commit.request.reject(error);
}
