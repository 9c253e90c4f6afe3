import type { ManualClock } from './manual-clock.js';

/**
 * Runs a function as if it were another day, by the test's clock and by `Date`. So code that depends on the time shows.
 */
export function onAnotherDay<T>(clock: ManualClock, run: () => T): T {
  const { Date: today } = globalThis;
  const nowMs = clock.now();
  clock.advance(LATER_MS);
  globalThis.Date = laterDate(today);
  try {
    return run();
  } finally {
    globalThis.Date = today;
    clock.set(nowMs);
  }
}

/** Far enough to change anything that is derived from the time, and no whole number of days, hours or minutes. */
const LATER_MS = 100 * 24 * 60 * 60 * 1_000 + 3_723_004;

function laterDate(today: DateConstructor): DateConstructor {
  const now = () => today.now() + LATER_MS;
  return new Proxy(today, {
    apply: () => new today(now()).toString(),
    construct: (target, given, newTarget) => Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
    get: (target, key, receiver) => (key === 'now' ? now : Reflect.get(target, key, receiver)),
  });
}
