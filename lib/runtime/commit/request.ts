import { type AsyncContext, callersContext } from '../../engine/environment/index.js';
import type { OnConflict } from '../../kernel/declaring/index.js';
import type { CommandMethod } from '../../kernel/defining/index.js';
import type { RequestCause } from '../events/index.js';
import type { Trace } from '../parts/index.js';
import { afterPart } from './conflict-errors.js';
import type { NestedCalls } from './nested-calls.js';

/** One call of a command, from the moment it is accepted until its promise settles. */
export class Request {
  readonly promise: Promise<unknown>;
  /** Its place among the activation's requests, in the order of their first runs; 0 before that. */
  order = 0;
  reruns = 0;
  /** When its caller gets a `CommitTimeoutError`. A command that decides again keeps its deadline. */
  deadlineMs: number | undefined;
  /** Part of it is already stored through `this.commit()`, so it cannot run again. */
  partlyCommitted = false;
  /** Another node may ask again what became of it, so its answer is stored with its events. */
  recorded = false;
  /** Called instead of rejecting, when it must run on another node. */
  onEvicted: (() => void) | undefined;
  /** Whether stored events have invalidated what it fired. Then it runs again, whatever its `onConflict` says. */
  isStale: (() => boolean) | undefined;
  /** Called as soon as the method has run and its events are applied. */
  onExecuted: (() => void) | undefined;
  /**
   * Its arguments come from users and it may run again. Each run gets a copy, because changes by one run must not be
   * visible to the next.
   */
  copiesArguments = false;
  /** The caller's async context, in which it runs. It is missing if it runs only once and at once. */
  context: AsyncContext | undefined;
  /** Its calls to other actors, if it may run again. Made on first use. */
  nestedCalls: NestedCalls | undefined;
  /** Its trace; `undefined` if nobody observes this node. */
  trace: Trace | undefined;
  /** Why a part could not be stored, if its method did not await it. */
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

  /** Keeps the caller's async context, because it will run later or may run again. */
  keepContext(): void {
    this.context ??= callersContext();
  }

  resolve(value: unknown): void {
    this.trace?.ended();
    this.#resolve(value);
  }

  /** It cannot run here any more, and nothing of it is stored. `error` is for callers that cannot run it elsewhere. */
  evict(error: unknown): void {
    if (this.onEvicted && !this.partlyCommitted) this.onEvicted();
    else this.reject(error);
  }

  /** It may be called before the work is over, by a timeout. The first call settles the promise. */
  reject(error: unknown): void {
    const reported = this.partlyCommitted ? afterPart(this.name, error) : error;
    this.trace?.failed(reported);
    this.#reject(reported);
  }
}

/** The cause for everything that follows from it: its own span, if it has one. */
export function causeIn<Cause extends RequestCause>(trace: Trace | undefined, cause: Cause): Cause {
  return trace?.traceparent === undefined ? cause : { ...cause, traceparent: trace.traceparent };
}
