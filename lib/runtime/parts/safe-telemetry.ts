import type { Telemetry, Trace } from './telemetry.js';

/** Telemetry that never makes the observed work fail: exporters are third-party code. */
export function safeTelemetry(telemetry: Telemetry): Telemetry {
  return {
    command: (...of) => tracing(() => telemetry.command(...of)),
    forward: (...of) => tracing(() => telemetry.forward(...of)),
    serve: (...of) => tracing(() => telemetry.serve(...of)),
    append: (...of) => tracing(() => telemetry.append(...of)),
    projection: (...of) => tracing(() => telemetry.projection(...of)),
    conflict: (actor) => quietly(() => telemetry.conflict(actor)),
    parked: (listener) => quietly(() => telemetry.parked(listener)),
    tick: (...of) => quietly(() => telemetry.tick(...of)),
    observe: (node) => {
      const end = quietly(() => telemetry.observe(node));
      return () => quietly(() => end?.());
    },
  };
}

/** The trace of work that could not be traced. */
const UNTRACED: Trace = { traceparent: undefined, run: (work) => work(), noted() {}, ended() {}, failed() {} };

class SafeTrace implements Trace {
  readonly traceparent: string | undefined;
  readonly #trace: Trace;

  constructor(trace: Trace) {
    this.#trace = trace;
    this.traceparent = trace.traceparent;
  }

  /** The work runs once and its outcome counts, whatever the tracing around it does. */
  run<T>(work: () => T): T {
    let outcome: { readonly answer: T } | { readonly error: unknown } | undefined;
    const observed = () => {
      try {
        const answer = work();
        outcome = { answer };
        return answer;
      } catch (error) {
        outcome = { error };
        throw error;
      }
    };
    quietly(() => this.#trace.run(observed));
    outcome ??= { answer: work() };
    if ('error' in outcome) throw outcome.error;
    return outcome.answer;
  }

  noted(what: 'rerun' | 'retry', error?: unknown): void {
    quietly(() => this.#trace.noted(what, error));
  }

  ended(outcome?: string): void {
    quietly(() => this.#trace.ended(outcome));
  }

  failed(error: unknown): void {
    quietly(() => this.#trace.failed(error));
  }
}

function tracing(begin: () => Trace): Trace {
  const trace = quietly(begin);
  return trace ? new SafeTrace(trace) : UNTRACED;
}

function quietly<T>(report: () => T): T | undefined {
  try {
    return report();
  } catch {
    return undefined;
  }
}
