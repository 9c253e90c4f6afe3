import type { Environment } from '../../engine/environment/index.js';

/** The node's monotonic clock. */
export function tickTimeOf(environment: Environment): TickTime {
  return {
    nowMs: () => environment.monotonicMs(),
    wake: (atMs, due) => {
      // A timer counts whole milliseconds, and may fire one early.
      const delayMs = Math.min(Math.max(0, Math.ceil(atMs - environment.monotonicMs())), TIMER_MS_MAX);
      const timer = environment.setTimeout(due, delayMs).unref();
      return () => environment.clearTimeout(timer);
    },
  };
}

/** The longest wait of one timer. Node's timers overflow beyond 24.8 days. Milliseconds. */
const TIMER_MS_MAX = 24 * 3_600_000;

/** The clock for ticks: time that passes and is never set. */
export interface TickTime {
  /** Milliseconds since an arbitrary moment. */
  nowMs(): number;
  /** Calls `due` once, at about this time. Returns a function that cancels it. */
  wake(atMs: number, due: () => void): () => void;
}
