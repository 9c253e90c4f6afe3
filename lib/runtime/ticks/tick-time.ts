import { performance } from 'node:perf_hooks';
// The real ones, also where a test runner has replaced the globals.
import { clearTimeout, setTimeout } from 'node:timers';

/** Longest wait of one timer; Node's overflow beyond 24.8 days. Milliseconds. */
const TIMER_MS_MAX = 24 * 3_600_000;

/** What ticks go by: time that passes and is never set. */
export interface TickTime {
  /** Milliseconds since some moment. */
  nowMs(): number;
  /** Calls `due` once at this time, or a little earlier or later. Returns a function that ends that. */
  wake(atMs: number, due: () => void): () => void;
}

/** The machine's monotonic clock. */
export const MACHINE_TIME: TickTime = {
  nowMs: () => performance.now(),
  wake: (atMs, due) => {
    // A timer counts whole milliseconds and may be one early.
    const delayMs = Math.min(Math.max(0, Math.ceil(atMs - performance.now())), TIMER_MS_MAX);
    const timer = setTimeout(due, delayMs).unref();
    return () => clearTimeout(timer);
  },
};
