import type { EventRecord } from '../../kernel/values/index.js';

/**
 * The result of one read of the whole store. The page itself says how far the read looked. A reader continues from
 * there, and never from a position that it asked for at another time.
 */
export interface StorePage {
  /** The events found, in order of position. Each bears its position. */
  readonly events: readonly EventRecord[];
  /**
   * How far the read looked. Every requested event with a position up to this one is in this page or an earlier one,
   * for good. The next read starts after it. It is never below `after`, nor below the position of the last event.
   */
  readonly upTo: number;
  /**
   * Whether nothing came after `upTo` when this was read. If it is false, `upTo` is above `after`, though the page may
   * have no events.
   */
  readonly ended: boolean;
}

/**
 * Most events that a reader asks for at once by default. An engine may give fewer (a page limited by bytes), but it
 * gives none only at the end.
 */
export const READ_PAGE_EVENTS_MAX = 1_000;

/** The read duty of an engine: it gives back what was stored, in pages. */
export interface ReadDuty {
  /**
   * Reads events of one stream with `version > after`, oldest first, without a gap, at most `limit`. An empty array
   * means that there are no more.
   *
   * @throws EngineError.
   */
  readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]>;
  /** Resolves to the stream's version; 0 if there is no such stream. @throws EngineError. */
  streamVersion(streamId: string): Promise<number>;
  /**
   * Reads events of the whole store with `position > after`, in order of position.
   *
   * Once a page was given, no event may become visible at a position up to its `upTo`. A read looks at a bounded part
   * of the store, gives what it found there, however little, and says how far it looked. It never goes on because
   * others write meanwhile.
   *
   * @param limit most events in the page, at least 1.
   * @param names if given, only events of these names.
   * @throws EngineError.
   */
  readAll(after: number, limit: number, names?: readonly string[]): Promise<StorePage>;
  /**
   * Resolves to the highest position that `readAll` can reach now; 0 for an empty store. It says nothing about the
   * content of any page.
   *
   * @throws EngineError.
   */
  lastPosition(): Promise<number>;
}
