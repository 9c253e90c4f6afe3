import { Clock } from '../../kernel/values/clock.js';
import { OmniscientError } from '../../kernel/values/errors.js';

/**
 * A clock that stands still until the test moves it. In an application under test: `{ provide: Clock, useValue: new ManualClock() }`.
 *
 * @example
 * ```ts
 * import { ManualClock } from 'omniscient-nest/testing';
 *
 * const clock = new ManualClock('2024-02-29T12:00:00Z');
 * clock.advance(60_000);
 * new Date(clock.now()).toISOString(); // 2024-02-29T12:01:00.000Z
 * ```
 */
export class ManualClock extends Clock {
  #nowMs: number;

  /** @param start default: the beginning of 2020, UTC. */
  constructor(start: Time = DEFAULT_START) {
    super();
    this.#nowMs = millisecondsOf(start);
  }

  now(): number {
    return this.#nowMs;
  }

  /** Moves on by so many milliseconds. */
  advance(ms: number): void {
    this.#nowMs = millisecondsOf(this.#nowMs + checkedSpan(ms));
  }

  /** Goes to a point in time, also one in the past. */
  set(time: Time): void {
    this.#nowMs = millisecondsOf(time);
  }
}

/** A point in time as tests write it: a `Date`, an ISO 8601 text, or milliseconds since 1970. */
export type Time = Date | string | number;

/** Where a test's time begins unless it says otherwise. */
export const DEFAULT_START = '2020-01-01T00:00:00.000Z';

/** @throws OmniscientError `INVALID_TIME`. */
export function millisecondsOf(time: Time): number {
  const ms = new Date(time).getTime();
  if (!Number.isNaN(ms)) return ms;
  throw new OmniscientError(
    'INVALID_TIME',
    `a time must be a Date, an ISO 8601 text or milliseconds since 1970, but got '${String(time)}'`,
  );
}

/** @throws OmniscientError `INVALID_TIME`. */
export function checkedSpan(ms: number): number {
  if (typeof ms === 'number' && Number.isFinite(ms) && ms >= 0) return ms;
  throw new OmniscientError(
    'INVALID_TIME',
    `time moves on by a number of milliseconds from 0 on, but got ${String(ms)}`,
  );
}
