import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import type { Environment } from './environment.js';

// Taken when this is imported: a test runner may replace the globals, and what they belong to, later.
const dateNow = Date.now;
const performanceNow = performance.now.bind(performance);
const microtask = globalThis.queueMicrotask;

/** The machine itself. */
export const SYSTEM: Environment = Object.freeze({
  now: () => dateNow(),
  monotonicMs: () => performanceNow(),
  setTimeout: (callback: () => void, ms: number) => setTimeout(callback, ms),
  clearTimeout: (timer: unknown) => clearTimeout(timer as NodeJS.Timeout | undefined),
  setImmediate: (callback: () => void) => void setImmediate(callback),
  queueMicrotask: (callback: () => void) => microtask(callback),
  random: () => Math.random(),
  uuid: () => randomUUID(),
});
