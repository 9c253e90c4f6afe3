import type { EventRecord } from '../kernel/event.js';

/** Events asked for at once by default; an engine may give fewer (a page limited by bytes), but none only at the end. */
export const READ_PAGE_EVENTS_MAX = 1_000;

/** The second duty of an engine: to give back what was stored, in pages. */
export interface ReadDuty {
  /** Events of one stream with `version > after`, oldest first, no hole, at most `limit`. An empty array means: there is no more. */
  readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]>;
  /** The stream's version; 0 if there is no such stream. */
  streamVersion(streamId: string): Promise<number>;
  /**
   * Events of the whole store with `position > after`, in order of position, at most `limit`; only those of `names` if given. Every
   * event returned bears its position. No event may ever become visible at a position below one already returned.
   */
  readAll(after: number, limit: number, names?: readonly string[]): Promise<EventRecord[]>;
  /** The highest position that `readAll` can return now; 0 for an empty store. */
  lastPosition(): Promise<number>;
}
