import type { EventRecord } from '../../kernel/values/index.js';

/**
 * Reports a node's work for tracing and metrics. A node that nobody observes has `undefined` instead, so each reporting
 * place costs one comparison.
 */
export interface Telemetry {
  /**
   * A command is given here. @param isCalled by code whose span is active now; otherwise only `cause` says to which
   * trace it belongs.
   */
  command(actor: TracedActor, name: string, args: readonly unknown[], cause: TracedCause, isCalled: boolean): Trace;
  /** A command is sent to the node that leads its actor. The reply ends the trace. */
  forward(call: TracedCall, to: string): Trace;
  /** A command that another node sent runs here. */
  serve(call: TracedCall): Trace;
  /** Commits of one actor are stored in one append. */
  append(actor: TracedActor, engine: string, commits: readonly TracedCommit[]): Trace;
  /** A projection handles an event. */
  projection(name: string, handler: string, record: EventRecord): Trace;
  /** Others' events were stored before those of an actor. */
  conflict(actor: string): void;
  /** An event was parked. */
  parked(listener: string): void;
  /** A tick was stored. */
  tick(actor: string, lateMs: number, missed: number): void;
  /** Reads a node's figures whenever somebody collects metrics. Returns a function that ends that. */
  observe(node: ObservedNode): () => void;
}

/** A piece of work, reported while it lasts. */
export interface Trace {
  /** Its place in its trace (W3C Trace Context), for what it leads to; `undefined` if nobody traces. */
  readonly traceparent: string | undefined;
  /** Runs part of the work, so that calls made there belong to it. */
  run<T>(work: () => T): T;
  /** It is run again or retried. */
  noted(what: 'rerun' | 'retry', error?: unknown): void;
  /** Only the first end counts. */
  ended(outcome?: string): void;
  failed(error: unknown): void;
}

/** The actor whose work it is. */
export interface TracedActor {
  /** Name of the class. */
  readonly actorName: string;
  readonly id: string;
  readonly streamId: string;
}

/** Where a command comes from. */
export interface TracedCause {
  readonly commandId: string;
  readonly correlationId: string;
  readonly traceparent?: string | undefined;
}

/** A command on its way between two nodes. */
export interface TracedCall extends TracedCause {
  /** Name of the class. */
  readonly actor: string;
  readonly id: string;
  readonly command: string;
}

/** A command's events, about to be stored. */
export interface TracedCommit {
  readonly events: readonly unknown[];
  readonly request: { readonly cause: TracedCause };
}

/** The figures that are read when metrics are collected. */
export interface ObservedNode {
  /** How many actors of each class are in memory. */
  residents(): Iterable<Amount>;
  /** How many actors of each class this node leads. */
  leaderships(): Iterable<Amount>;
  /** Which elections it has won. */
  elections(): Iterable<string>;
  /** How many subscriptions are open. */
  subscriptions(): number;
  /**
   * How many positions each projection, each class with routed listeners, and the slowest subscription to the whole
   * store is behind.
   */
  lag(): Promise<Readonly<Record<string, number>>>;
  /** How many events are parked. */
  parked(): Promise<number>;
}

/** A count, by name of the class. */
export type Amount = readonly [actor: string, count: number];

/** Runs work as part of a trace, if there is one, and reports its end. */
export function traced<T>(trace: Trace | undefined, work: () => Promise<T>): Promise<T> {
  return trace ? report(trace, work) : work();
}

async function report<T>(trace: Trace, work: () => Promise<T>): Promise<T> {
  try {
    const result = await trace.run(work);
    trace.ended();
    return result;
  } catch (error) {
    trace.failed(error);
    throw error;
  }
}
