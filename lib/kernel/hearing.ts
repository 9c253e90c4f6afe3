import type { NewEvent, StoredEvent } from './event.js';
import type { StoredFailure } from './thrown.js';
import type { EventName } from './types.js';

/** The framework's events of an actor that listens. */
export const LISTENING_EVENT = '$listening';
export const HEARD_EVENT = '$heard';
export const PARKED_EVENT = '$parked';
export const UNPARKED_EVENT = '$unparked';

/** What they are, for classes on one stream to tell theirs apart. */
export const HEARING_EVENTS: ReadonlySet<string> = new Set([
  LISTENING_EVENT,
  HEARD_EVENT,
  PARKED_EVENT,
  UNPARKED_EVENT,
]);

/** An event that a listener of these events may be given: a union to switch on by `name`. */
export type Heard<Events extends object, Name extends EventName<Events> = EventName<Events>> = {
  [N in Name]: StoredEvent<N, Events[N]>;
}[Name];

/** Stands for "whatever stream has events of the names listened to", where otherwise a stream's id stands. */
export const ALL_STREAMS = '';

/** Names of listeners that are set in code begin with this. */
export const IN_CODE = 'listenTo:';

/** When listening that began in code ends by itself. */
export interface ListeningLimits {
  readonly count?: number | undefined;
  /** Milliseconds. */
  readonly forMs?: number | undefined;
}

/** `$listening`: which sources a listener begins to listen to, each after which version (or position), and which it leaves. */
export interface ListeningData {
  /** Name of the actor class. */
  readonly actor: string;
  readonly listener: string;
  readonly begin: readonly ({ readonly source: string; readonly after: number } & ListeningLimits)[];
  readonly end: readonly string[];
  /** Ended from code, for good: remembered, so that an `onActivate` that listens anew begins nothing. */
  readonly over?: readonly string[];
}

/** `$heard`: how far a listener has heard a source; stored in the commit of the reaction, so that neither is there without the other. */
export interface HeardData {
  readonly actor: string;
  readonly listener: string;
  readonly source: string;
  /** Version in the source's stream; position, where the source is `ALL_STREAMS`. */
  readonly at: number;
}

/** `$parked`: an event that could not be reacted to, with all that is needed to look at it and to try again. */
export interface ParkedData extends HeardData {
  readonly id: string;
  /** The actor's id without the class's prefix. */
  readonly actorId: string;
  readonly event: StoredEvent;
  readonly error: StoredFailure;
  /** How often it was tried. */
  readonly attempts: number;
  /** Of a projection: position of the last event before it that was handled. */
  readonly after?: number;
  /** Name of the dispatcher in whose stream it is, because no actor could be brought it. */
  readonly by?: string;
  /** A dispatcher had parked it, and its actor took it over. */
  readonly adopted?: true;
}

/** `$unparked`: it was reacted to after all, or somebody decided that it need not be, or another read model has taken the place of the one that it is of. */
export interface UnparkedData {
  readonly actor: string;
  readonly id: string;
  readonly outcome: 'retried' | 'discarded' | 'replaced';
}

/** Most sources that an actor no longer listens to of which it remembers how far they were heard: the last. */
export const LEFT_SOURCES_MAX = 1_000;

/** Most parked events that were taken over from a dispatcher of which an actor remembers that: the last. */
export const ADOPTED_MAX = 1_000;

/** How far one listener has heard one source. */
export interface HeardSource {
  readonly listener: string;
  readonly source: string;
  readonly at: number;
  /** How many reactions to it are stored. */
  readonly count: number;
  /** When listening began, in milliseconds since 1970; `undefined` for a source to which it does not listen itself: one that calls it, or that it left. */
  readonly sinceMs?: number;
  readonly isOver?: boolean;
  /** As they were when it began. */
  readonly limits?: ListeningLimits;
}

/** A snapshot's part of it. */
export interface HearingMemory {
  readonly sources: readonly HeardSource[];
  readonly parked: readonly string[];
  readonly adopted?: readonly string[];
}

/** What an actor listens to and how far it has heard: a fold of what is stored. */
export class Hearing {
  /** By `hearingKey`. */
  readonly sources = new Map<string, HeardSource>();
  /** Ids of what is parked. */
  readonly parked = new Set<string>();
  /** Ids of what was parked by a dispatcher and taken over from it, whatever became of it; the last ones last. */
  readonly adopted = new Set<string>();
  /** Moves on when what it listens to changes. */
  revision = 0;
  readonly #actor: string;
  /** Keys of sources that it left, the last ones last. */
  readonly #left = new Set<string>();

  constructor(actor: string) {
    this.#actor = actor;
  }

  /** How far it has heard; 0 if never. */
  heardAt(listener: string, source: string): number {
    return this.sources.get(hearingKey(listener, source))?.at ?? 0;
  }

  apply(event: NewEvent): void {
    const data = JSON.parse(event.data) as { actor: string };
    if (data.actor !== this.#actor) return;
    if (event.name === LISTENING_EVENT) this.#listen(data as ListeningData, event);
    else if (event.name === HEARD_EVENT) this.#hear(data as HeardData, 1);
    else if (event.name === PARKED_EVENT) {
      this.#park(data as ParkedData);
    } else this.parked.delete((data as unknown as UnparkedData).id);
  }

  toJSON(): HearingMemory {
    const adopted = this.adopted.size > 0 && { adopted: [...this.adopted] };
    return { sources: [...this.sources.values()], parked: [...this.parked], ...adopted };
  }

  restore({ sources, parked, adopted = [] }: HearingMemory): void {
    for (const each of sources) {
      const key = hearingKey(each.listener, each.source);
      this.sources.set(key, each);
      if (each.sinceMs === undefined && each.source !== ALL_STREAMS) this.#left.add(key);
    }
    for (const id of parked) this.parked.add(id);
    for (const id of adopted) this.adopted.add(id);
    this.revision += 1;
  }

  #listen({ listener, begin, end, over = [] }: ListeningData, event: NewEvent): void {
    this.revision += 1;
    for (const source of end) this.#leave(hearingKey(listener, source));
    for (const source of over) this.#close(hearingKey(listener, source));
    const sinceMs = Date.parse((JSON.parse(event.metadata) as { at: string }).at);
    for (const { source, after, ...limits } of begin) {
      const key = hearingKey(listener, source);
      const known = this.sources.get(key);
      // Two nodes may begin at the same time: the first one counts.
      if (known?.sinceMs !== undefined) continue;
      this.#left.delete(key);
      // What the state names again goes on where it was left, wherever it would begin; code begins anew on purpose.
      const at = listener.startsWith(IN_CODE) ? after : Math.max(after, known?.at ?? 0);
      const limited = limits.count !== undefined || limits.forMs !== undefined;
      this.sources.set(key, { listener, source, at, count: 0, sinceMs, ...(limited && { limits }) });
    }
  }

  /** How far it was heard stays known: another node may be about to store its reaction to the very event that made the actor leave. */
  #leave(key: string): void {
    const known = this.sources.get(key);
    if (!known) return;
    const { listener, source, at, count } = known;
    this.sources.set(key, { listener, source, at, count });
    this.#left.delete(key);
    this.#left.add(key);
    if (this.#left.size <= LEFT_SOURCES_MAX) return;
    const [oldest] = this.#left;
    this.#left.delete(oldest as string);
    this.sources.delete(oldest as string);
  }

  #close(key: string): void {
    const known = this.sources.get(key);
    if (known) this.sources.set(key, { ...known, isOver: true });
  }

  #park(data: ParkedData): void {
    this.parked.add(data.id);
    // One that a dispatcher parked comes late, and says nothing of those before it.
    if (!data.adopted) {
      this.#hear(data, 1);
      return;
    }
    this.adopted.add(data.id);
    const [oldest] = this.adopted;
    if (this.adopted.size > ADOPTED_MAX) this.adopted.delete(oldest as string);
  }

  #hear({ listener, source, at }: HeardData, count: number): void {
    const key = hearingKey(listener, source);
    const known = this.sources.get(key);
    if (!known) this.sources.set(key, { listener, source, at, count });
    else this.sources.set(key, { ...known, at: Math.max(at, known.at), count: known.count + count });
  }
}

/** One listener on one source. */
export function hearingKey(listener: string, source: string): string {
  return `${listener}\0${source}`;
}
