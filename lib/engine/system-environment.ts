import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from 'node:timers';
import { begunByNobody } from './async-context.js';
import type { Environment } from './environment.js';

// Taken when this is imported: a test runner may replace the globals, and what they belong to, later.
const dateNow = Date.now;
const performanceNow = performance.now.bind(performance);
const microtask = globalThis.queueMicrotask;

/** A timer keeps the process alive however long it takes. Milliseconds. */
const KEEPING_MS = 86_400_000;

const startTimer = (callback: () => void, ms: number) => setTimeout(callback, ms);
const immediate = (callback: () => void) => setImmediate(callback);

/** The machine itself. */
export const SYSTEM: Environment = Object.freeze({
  now: () => dateNow(),
  monotonicMs: () => performanceNow(),
  setTimeout: (callback: () => void, ms: number) => begunByNobody(startTimer, callback, ms),
  clearTimeout: (timer: unknown) => clearTimeout(timer as NodeJS.Timeout | undefined),
  setImmediate: (callback: () => void) => void begunByNobody(immediate, callback),
  queueMicrotask: (callback: () => void) => begunByNobody(microtask, callback),
  keepAlive,
  random: () => Math.random(),
  uuid: () => randomUUID(),
});

/** How many keep the process alive, and the timer that does it for all of them. */
let keepers = 0;
let keeping: NodeJS.Timeout | undefined;

function keepAlive(): () => void {
  let isReleased = false;
  keepers += 1;
  keeping ??= begunByNobody(endlessTimer);
  return () => {
    if (isReleased) return;
    isReleased = true;
    keepers -= 1;
    if (keepers > 0) return;
    clearInterval(keeping);
    keeping = undefined;
  };
}

function endlessTimer(): NodeJS.Timeout {
  return setInterval(() => {}, KEEPING_MS);
}
