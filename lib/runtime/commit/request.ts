import { type AsyncContext, callersContext } from '../../engine/environment/async-context.js';
import type { OnConflict } from '../../kernel/declaring/marks.js';
import type { CommandMethod } from '../../kernel/defining/actor-definition.js';
import type { RequestCause } from '../events/cause.js';
import type { Trace } from '../parts/telemetry.js';
import { afterPart } from './conflict-errors.js';
import type { NestedCalls } from './nested-calls.js';

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

/** What it gives on to what it leads to: its own span, if it has one. */
export function causeIn<Cause extends RequestCause>(trace: Trace | undefined, cause: Cause): Cause {
  return trace?.traceparent === undefined ? cause : { ...cause, traceparent: trace.traceparent };
}
