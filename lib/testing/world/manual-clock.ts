import { Clock, OmniscientError } from '../../kernel/values/index.js';

/**
 * A clock that stands still until the test moves it. In an application under test: `{ provide: Clock, useValue: new
 * ManualClock() }`.
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

  /** @param start default: the beginning of 2020, UTC. @throws OmniscientError (`INVALID_TIME`). */
  constructor(start: Time = DEFAULT_START) {
    super();
    this.#nowMs = millisecondsOf(start);
  }

  now(): number {
    return this.#nowMs;
  }

  /** Moves the clock forward. @param ms milliseconds, at least 0. @throws OmniscientError (`INVALID_TIME`). */
  advance(ms: number): void {
    this.#nowMs = millisecondsOf(this.#nowMs + checkedSpan(ms));
  }

  /** Sets the clock to a point in time, which may be in the past. @throws OmniscientError (`INVALID_TIME`). */
  set(time: Time): void {
    this.#nowMs = millisecondsOf(time);
  }
}

/** A point in time, as tests write it: a `Date`, an ISO 8601 text, or milliseconds since 1970. */
export type Time = Date | string | number;

/** The time at which a test begins by default. */
export const DEFAULT_START = '2020-01-01T00:00:00.000Z';

/** Returns milliseconds since 1970. @throws OmniscientError (`INVALID_TIME`). */
export function millisecondsOf(time: Time): number {
  const ms = new Date(time).getTime();
  if (!Number.isNaN(ms)) return ms;
  throw new OmniscientError(
    'INVALID_TIME',
    `a time must be a Date, an ISO 8601 text or milliseconds since 1970, but got '${String(time)}'`,
  );
}

/** Returns the span if it is valid. @throws OmniscientError (`INVALID_TIME`). */
export function checkedSpan(ms: number): number {
  if (typeof ms === 'number' && Number.isFinite(ms) && ms >= 0) return ms;
  throw new OmniscientError(
    'INVALID_TIME',
    `time can only move forward, by a number of milliseconds of at least 0, but got ${String(ms)}`,
  );
}
