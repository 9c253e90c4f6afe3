import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from 'node:timers';
import { withoutContext } from './async-context.js';
import type { Environment } from './environment.js';

// Read at import, because a test runner may replace the globals later.
const dateNow = Date.now;
const performanceNow = performance.now.bind(performance);
const microtask = globalThis.queueMicrotask;

/** How often the timer that keeps the process alive checks whether it is still needed. Milliseconds. */
const KEEPING_MS = 1_000;

const startTimer = (callback: () => void, ms: number) => setTimeout(callback, ms);
const immediate = (callback: () => void) => setImmediate(callback);

/** The environment of the real machine. */
export const SYSTEM: Environment = Object.freeze({
  now: () => dateNow(),
  monotonicMs: () => performanceNow(),
  setTimeout: (callback: () => void, ms: number) => withoutContext(startTimer, callback, ms),
  clearTimeout: (timer: unknown) => clearTimeout(timer as NodeJS.Timeout | undefined),
  setImmediate: (callback: () => void) => void withoutContext(immediate, callback),
  queueMicrotask: (callback: () => void) => withoutContext(microtask, callback),
  keepAlive,
  random: () => Math.random(),
  uuid: () => randomUUID(),
});

/**
 * How many callers keep the process alive. One timer serves all of them: switching it on and off is cheaper than one
 * timer each.
 */
let keepers = 0;
let keeping: NodeJS.Timeout | undefined;

function keepAlive(): () => void {
  let isReleased = false;
  keepers += 1;
  if (keepers === 1) keeping = keeping?.ref() ?? withoutContext(keepingTimer);
  return () => {
    if (isReleased) return;
    isReleased = true;
    keepers -= 1;
    if (keepers === 0) keeping?.unref();
  };
}

/** Starts the shared timer. It ends by itself when no caller needs it any more. */
function keepingTimer(): NodeJS.Timeout {
  return setInterval(() => {
    if (keepers > 0) return;
    clearInterval(keeping);
    keeping = undefined;
  }, KEEPING_MS);
}
