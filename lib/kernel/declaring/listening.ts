import type { StoredEvent } from '../values/event.js';
import type { OnConflict } from './marks.js';

/** Something an actor listens to. */
export interface Listening {
  /** Hears nothing more, for good. */
  stop(): void;
}

/** What `listenTo` listens to: a stream's id, or an event name across all streams. */
export type ListenSource = string | { readonly event: string | readonly string[] };

/** Gets the events, one at a time, in order; may `fire`. */
export type ListenHandler<Event extends StoredEvent = StoredEvent> = (event: Event) => void | Promise<void>;

/** What `listenTo` takes. */
export interface ListenToOptions {
  /** Ends after so many reactions. Default: never. */
  count?: number;
  /** Ends so long after it began, in milliseconds: what was said after that is not heard. Default: never. */
  forMs?: number;
  /** Where to begin: a version of the stream (a position, for names); 0 for all. Default: where the source is now. */
  from?: number;
  /** What is done when others' events, which this class handles, were stored before those of a reaction, as in `@ListenTo`. Default `'rerun'`. */
  onConflict?: OnConflict;
  /** By what name the stream remembers how far it has heard. Default: the handler's own name. */
  name?: string;
}
