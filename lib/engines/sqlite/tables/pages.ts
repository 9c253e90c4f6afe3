import type { EventRecord } from '../../../kernel/values/index.js';

/** Some events, and whether there were no more after them. */
export interface Page {
  readonly events: EventRecord[];
  readonly ended: boolean;
}

/** Events in the first chunk of a page. Each further chunk has up to eight times as many. */
const CHUNK_EVENTS_MIN = 64;
const CHUNK_GROWTH_MAX = 8;
/**
 * Payload and metadata in one page, in UTF-16 code units. A page ends with the chunk that goes beyond. So much can be
 * read, parsed and handed over in a moment, during which nothing else runs.
 */
export const PAGE_LENGTH_MAX = 1024 * 1024;

/** An event as the statements give it. The stream's id is included only where it is not known anyway. */
export type EventRow = [
  position: number,
  version: number,
  id: string,
  name: string,
  data: string,
  metadata: string,
  streamId: string,
];

/**
 * Reads up to `limit` events: fewer if they are large, none only at the end. Their size is known only once they are
 * read, so they are read in growing chunks. A page of large events never fills the memory, and a page of small ones
 * costs almost nothing more.
 */
export function readPage(
  limit: number,
  readAfter: (last: EventRecord | undefined, limit: number) => readonly unknown[],
  streamId?: string,
): Page {
  const events: EventRecord[] = [];
  let length = 0;
  let chunkSize = Math.min(limit, CHUNK_EVENTS_MIN);
  while (chunkSize > 0 && length <= PAGE_LENGTH_MAX) {
    const rows = readAfter(events.at(-1), chunkSize) as readonly EventRow[];
    for (const row of rows) {
      const data = row[4];
      const metadata = row[5];
      length += data.length + metadata.length;
      events.push({
        id: row[2],
        streamId: streamId ?? row[6],
        version: row[1],
        position: row[0],
        name: row[3],
        data,
        metadata,
      });
    }
    if (rows.length < chunkSize) return { events, ended: true };
    const fitting = Math.ceil((PAGE_LENGTH_MAX - length) / (length / events.length || 1));
    chunkSize = Math.min(limit - events.length, chunkSize * CHUNK_GROWTH_MAX, Math.max(1, fitting));
  }
  return { events, ended: false };
}
