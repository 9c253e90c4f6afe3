import type { EventRecord } from '../../../kernel/event.js';
import type { SimulatedStore } from './simulated-store.js';

/** Events with `position > after`, at most `limit`; only those of `names`, if given. */
export function readLog(
  { log }: SimulatedStore,
  after: number,
  limit: number,
  names?: readonly string[],
): EventRecord[] {
  const page: EventRecord[] = [];
  for (let i = indexAfter(log, after); i < log.length && page.length < limit; i += 1) {
    const record = log[i] as EventRecord;
    if (!names || names.includes(record.name)) page.push(record);
  }
  return page;
}

/** Index of the first event with a higher position. */
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
