import type { StoredEvent } from '../values/index.js';
import type { OnConflict } from './marks.js';

/** A listener that was started with `listenTo`. */
export interface Listening {
  /** Ends the listener for good. Inside a turn, that is stored with the turn's events. */
  stop(): void;
}

/** The source of a `listenTo`: a stream id, or event names across all streams. */
export type ListenSource = string | { readonly event: string | readonly string[] };

/** Handles the events of a `listenTo`, one at a time and in order. It may call `fire`. */
export type ListenHandler<Event extends StoredEvent = StoredEvent> = (event: Event) => void | Promise<void>;

/** Options of `listenTo`. */
export interface ListenToOptions {
  /** Ends the listener after this many reactions, a whole number from 1 on. Default: never. */
  count?: number;
  /**
   * Ends the listener this long after it began, in milliseconds, above 0. Events that were fired later are not handled.
   * Default: never.
   */
  forMs?: number;
  /**
   * Handle only events after this version of the stream (or after this position, for event names); 0 for all. Default:
   * the end of the source at the time of the call.
   */
  from?: number;
  /**
   * What happens to a reaction when other events that this class handles were stored before its own; see `@ListenTo`.
   * Default `'rerun'`.
   */
  onConflict?: OnConflict;
  /** The name under which the stream stores how far the listener has come. Default: the handler's own name. */
  name?: string;
}
