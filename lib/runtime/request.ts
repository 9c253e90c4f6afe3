import { type AsyncContext, callersContext } from '../engine/async-context.js';
import type { CommandMethod } from '../kernel/definition.js';
import type { OnConflict } from '../kernel/marks.js';
import type { PendingCommit } from '../kernel/optimistic-state.js';
import { afterPart } from './conflict-errors.js';
import type { NestedCalls } from './nested-calls.js';
import type { Trace } from './telemetry/telemetry.js';
import type { Turn } from './turn.js';

/** One call of a command, from the moment it is accepted until its promise settles. */
export class Request {
  readonly promise: Promise<unknown>;
  /** Place among the activation's requests in the order in which they first ran; 0 before that. */
  order = 0;
  reruns = 0;
  /** When its caller is told that storing takes too long; a command that is decided anew keeps it. */
  deadlineMs: number | undefined;
  /** Part of it is already stored through `this.commit()`: it can't be run again. */
  partlyCommitted = false;
  /** Somebody on another node may ask again what became of it: its answer is stored with its events. */
  recorded = false;
  /** Told, instead of the caller, when it has to run on another node. */
  onEvicted: (() => void) | undefined;
  /** Whether what is stored by now makes what it fired wrong: then it runs again, whatever its `onConflict` says. */
  isStale: (() => boolean) | undefined;
  /** Told as soon as the method has run and what it fired is applied. */
  onExecuted: (() => void) | undefined;
  /** Users gave them, and it may run again: each run gets a copy of its arguments, because what one does to them must not be seen by the next. */
  copiesArguments = false;
  /** Where it runs, unless it runs only once and at once: in the context of whoever gave it. */
  context: AsyncContext | undefined;
  /** What it asked of other actors, if it may run again; made on first use. */
  nestedCalls: NestedCalls | undefined;
  /** Whom it tells how it goes; `undefined` if nobody observes this node. */
  trace: Trace | undefined;
  /** Why such a part could not be stored, if its method did not wait to hear of it. */
  partFailure: unknown;
  #resolve!: (value: unknown) => void;
  #reject!: (error: unknown) => void;

  constructor(
    readonly name: string,
    readonly method: CommandMethod,
    readonly args: readonly unknown[],
    readonly onConflict: OnConflict,
    readonly cause: RequestCause,
  ) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** It will run later, or may run again: in the context of the calling code. */
  keepContext(): void {
    this.context ??= callersContext();
  }

  resolve(value: unknown): void {
    this.trace?.ended();
    this.#resolve(value);
  }

  /** It can't be run here any more, and nothing of it is stored; `error` is for callers that can't take it elsewhere. */
  evict(error: unknown): void {
    if (this.onEvicted && !this.partlyCommitted) this.onEvicted();
    else this.reject(error);
  }

  /** May come before the work is over (a timeout); whoever settles first wins. */
  reject(error: unknown): void {
    const told = this.partlyCommitted ? afterPart(this.name, error) : error;
    this.trace?.failed(told);
    this.#reject(told);
  }
}

/** Where a request comes from: the ids for the audit trail. */
export interface RequestCause {
  readonly commandId: string;
  readonly correlationId: string;
  readonly causationId: string | null;
  /** The turns that wait for this request, on whichever node, unless they are over; the outermost first. See `Turn.place`. */
  readonly chain: readonly string[];
  /** Its span, for what it fires and calls (W3C Trace Context); that of whoever made it, if nobody traces here. */
  readonly traceparent?: string | undefined;
}

/** What made a request that no turn made: an event that was heard, say. */
export interface Origin {
  /** The id of what it makes, where that is to be the same whenever it is made again. */
  readonly commandId?: string;
  /** `undefined` where what was heard does not say. */
  readonly correlationId: string | undefined;
  readonly causationId: string | null;
  /** The span that it belongs to. */
  readonly traceparent?: string | undefined;
}

const NOBODY: readonly string[] = [];

/** The cause of a new request, made inside a turn, by something else, or from outside. */
export function causeOf(commandId: string, caller: Turn | undefined, origin?: Origin): RequestCause {
  const from = caller?.request.cause;
  if (!caller || !from) {
    if (!origin) return { commandId, correlationId: commandId, causationId: null, chain: NOBODY };
    // What was heard may have been stored by somebody who writes no such metadata.
    const correlationId = typeof origin.correlationId === 'string' ? origin.correlationId : commandId;
    return { commandId, ...origin, correlationId, chain: NOBODY };
  }
  const { correlationId, commandId: causationId, traceparent } = from;
  return { commandId, correlationId, causationId, traceparent, chain: [...from.chain, caller.placeIn(commandId)] };
}

/** What it gives on to what it leads to: its own span, if it has one. */
export function causeIn<Cause extends RequestCause>(trace: Trace | undefined, cause: Cause): Cause {
  return trace?.traceparent === undefined ? cause : { ...cause, traceparent: trace.traceparent };
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
