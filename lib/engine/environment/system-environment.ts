import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from 'node:timers';
import { withoutContext } from './async-context.js';
import type { Environment } from './environment.js';

// Taken when this is imported: a test runner may replace the globals, and what they belong to, later.
const dateNow = Date.now;
const performanceNow = performance.now.bind(performance);
const microtask = globalThis.queueMicrotask;

/** How often a timer that keeps the process alive looks whether it is still needed. Milliseconds. */
const KEEPING_MS = 1_000;

const startTimer = (callback: () => void, ms: number) => setTimeout(callback, ms);
const immediate = (callback: () => void) => setImmediate(callback);

/** The machine itself. */
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

/** How many keep the process alive, and the timer that does it for all of them: to switch it on and off takes less than to set one each time. */
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

/** Ends by itself when nobody needs it any more. */
function keepingTimer(): NodeJS.Timeout {
  return setInterval(() => {
    if (keepers > 0) return;
    clearInterval(keeping);
    keeping = undefined;
  }, KEEPING_MS);
}
