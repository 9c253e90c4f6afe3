import { TICK_MS_MAX, TICK_MS_MIN, type TickingData, type TickOptions } from '../../kernel/framework/index.js';
import { OmniscientError } from '../../kernel/values/index.js';

/** Checks the options of `startTicking`. @throws OmniscientError (`INVALID_TICKING`). */
export function checkedOptions(options: TickOptions, label: string): { everyMs: number; count: number | null } {
  const { everyMs, count } = options ?? {};
  if (!(Number.isFinite(everyMs) && everyMs >= TICK_MS_MIN && everyMs <= TICK_MS_MAX)) {
    throw invalid(
      `${label}: startTicking({ everyMs }) takes milliseconds from ${TICK_MS_MIN} to ${TICK_MS_MAX}, but got ${String(everyMs)}`,
    );
  }
  if (count !== undefined && !(Number.isSafeInteger(count) && count >= 1)) {
    throw invalid(`${label}: startTicking({ count }) takes a whole number from 1 on, but got ${String(count)}`);
  }
  return { everyMs, count: count ?? null };
}

export function isSameData(a: TickingData, b: { everyMs: number; count: number | null }): boolean {
  return a.everyMs !== null && a.everyMs === b.everyMs && a.count === b.count;
}

function invalid(message: string): OmniscientError {
  return new OmniscientError('INVALID_TICKING', message);
}
