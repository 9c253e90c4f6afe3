import type { EventRecord } from '../../kernel/values/event.js';

/**
 * What one read of the whole store found. It says itself how far it looked: whoever follows the store goes by that, and never by a position that was
 * asked for at another time.
 */
export interface StorePage {
  /** In order of position; every event bears its own. */
  readonly events: readonly EventRecord[];
  /**
   * Every event that was asked for and has a position up to this one is in this page or an earlier one, for good: read on after it. At least `after`, and
   * at least the position of the last event.
   */
  readonly upTo: number;
  /** Nothing came after `upTo` when this was read. A page that does not say so has an `upTo` beyond `after`, though it may have no events. */
  readonly ended: boolean;
}

/** Events asked for at once by default; an engine may give fewer (a page limited by bytes), but none only at the end. */
export const READ_PAGE_EVENTS_MAX = 1_000;

/** The second duty of an engine: to give back what was stored, in pages. */
export interface ReadDuty {
  /** Events of one stream with `version > after`, oldest first, no hole, at most `limit`. An empty array means: there is no more. */
  readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]>;
  /** The stream's version; 0 if there is no such stream. */
  streamVersion(streamId: string): Promise<number>;
  /**
   * Events of the whole store with `position > after`, in order of position, at most `limit` (at least 1); only those of `names` if given. No event may ever
   * become visible at a position up to the `upTo` of a page that was given. A read looks at a bounded part of the store, then gives what it has, however
   * little, and says how far it looked: it never goes on because others write meanwhile.
   */
  readAll(after: number, limit: number, names?: readonly string[]): Promise<StorePage>;
  /** The highest position that `readAll` can reach now; 0 for an empty store. For those who need only the number: it says nothing of any page. */
  lastPosition(): Promise<number>;
}
