/** Events in the first chunk of a page; each further one has up to eight times as many. */
const CHUNK_EVENTS_MIN = 32;
const CHUNK_GROWTH_MAX = 8;
/** Payload and metadata in one page, in UTF-16 code units; a page ends with the chunk that goes beyond. */
export const PAGE_LENGTH_MAX = 8 * 1024 * 1024;

/** An event as the statements give it; the stream's id is there only where it is not known anyway. */
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
 * Up to `limit` rows, fewer if they are large, none only at the end. They are read in growing chunks, because how large they are shows only when
 * they are there: a page of large events never fills the memory, and a page of small ones costs next to nothing more.
 */
export function readPage(limit: number, readAfter: (last: EventRow | undefined, limit: number) => EventRow[]): EventRow[] {
  const page: EventRow[] = [];
  let length = 0;
  let chunkSize = Math.min(limit, CHUNK_EVENTS_MIN);
  while (chunkSize > 0) {
    const chunk = readAfter(page.at(-1), chunkSize);
    for (const row of chunk) {
      page.push(row);
      length += row[4].length + row[5].length;
    }
    if (chunk.length < chunkSize || length > PAGE_LENGTH_MAX) break;
    chunkSize = Math.min(limit - page.length, chunkSize * CHUNK_GROWTH_MAX);
  }
  return page;
}
