import type { StorePage } from '../../../engine/duties/index.js';
import type { EventRecord } from '../../../kernel/values/index.js';
import type { SimulatedStore } from './simulated-store.js';

/** Returns events with `position > after`, at most `limit`; only those of `names`, if given. */
export function readLog({ log }: SimulatedStore, after: number, limit: number, names?: readonly string[]): StorePage {
  const events: EventRecord[] = [];
  const begin = indexAfter(log, after);
  let next = begin;
  for (; next < log.length && events.length < limit && next - begin < LOOKED_AT_MAX; next += 1) {
    const record = log[next] as EventRecord;
    if (!names || names.includes(record.name)) events.push(record);
  }
  const upTo = Math.max(after, log[next - 1]?.position ?? 0);
  return { events, upTo, ended: next >= log.length };
}

/**
 * Most events that one read looks at. It is small, so that there are pages without an event, and pages before the end.
 */
const LOOKED_AT_MAX = 40;

/** Returns the index of the first event with a higher position. */
export function indexAfter(log: readonly EventRecord[], position: number): number {
  let low = 0;
  let high = log.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((log[middle] as EventRecord).position <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}
