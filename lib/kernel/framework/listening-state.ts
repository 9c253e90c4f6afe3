import type { NewEvent, StoredEvent } from '../values/event.js';
import type { StoredFailure } from '../values/thrown.js';
import { EndedSources, listenerKey } from './ended-sources.js';
import type { HeardNote } from './heard-note.js';

/**
 * What an actor listens to and how far it has heard: a fold of what is stored, and of nothing else. Whoever goes on from a snapshot has the same, to the
 * order of what will be forgotten first.
 */
export class ListeningState {
  /** By `listenerKey`. Those that it left come in the order in which it did. */
  readonly sources = new Map<string, HeardSource>();
  /** What began in code and ended for good: stopped, or heard as often as it was to. */
  readonly ended = new EndedSources();
  /** Ids of what is parked. */
  readonly parked = new Set<string>();
  /** Ids of what was parked by a dispatcher and taken over from it, whatever became of it; the last ones last. */
  readonly adopted = new Set<string>();
  /** Moves on when what it listens to changes. */
  revision = 0;
  readonly #actor: string;
  /** Keys of sources that it left, the last ones last; as in `sources`. */
  readonly #left = new Set<string>();

  constructor(actor: string) {
    this.#actor = actor;
  }

  /** How far it has heard; 0 if never. */
  heardAt(listener: string, source: string): number {
    return this.sources.get(listenerKey(listener, source))?.at ?? 0;
  }

  apply(event: NewEvent): void {
    const data = JSON.parse(event.data) as { actor: string };
    if (data.actor !== this.#actor) return;
    if (event.name === LISTENING_EVENT) this.#listen(data as ListeningData, event);
    else if (event.name === HEARD_EVENT) this.hear(data as HeardData);
    else if (event.name === PARKED_EVENT) {
      this.#park(data as ParkedData);
    } else this.parked.delete((data as unknown as UnparkedData).id);
  }

  /** `undefined` if there is nothing to remember. */
  toJSON(): ListeningMemory | undefined {
    const { sources, parked, adopted, ended } = this;
    if (sources.size + parked.size + adopted.size + ended.size === 0) return undefined;
    return {
      sources: [...sources.values()],
      parked: [...parked],
      ...(adopted.size > 0 && { adopted: [...adopted] }),
      ...(ended.size > 0 && { ended: ended.toJSON() }),
    };
  }

  restore({ sources, parked, adopted = [], ended = [] }: ListeningMemory): void {
    for (const each of sources) {
      const key = listenerKey(each.listener, each.source);
      this.sources.set(key, each);
      if (isLeft(each)) this.#left.add(key);
    }
    for (const id of parked) this.parked.add(id);
    for (const id of adopted) this.adopted.add(id);
    this.ended.restore(ended);
    this.revision += 1;
  }

  #listen({ listener, begin, end, over = [] }: ListeningData, event: NewEvent): void {
    this.revision += 1;
    for (const source of end) this.#leave(listener, source);
    for (const source of over) this.#end(listener, source);
    const sinceMs = Date.parse((JSON.parse(event.metadata) as { at: string }).at) || 0;
    for (const { source, after, ...limits } of begin) {
      const key = listenerKey(listener, source);
      const known = this.sources.get(key);
      // Two nodes may begin at the same time: the first one counts, also if it has ended since.
      if (known?.sinceMs !== undefined || this.ended.has(key)) continue;
      this.#left.delete(key);
      // What the state names again goes on where it was left, wherever it would begin; code begins anew on purpose.
      const at = listener.startsWith(IN_CODE) ? after : Math.max(after, known?.at ?? 0);
      const limited = limits.count !== undefined || limits.forMs !== undefined;
      this.sources.set(key, { listener, source, at, count: 0, sinceMs, ...(limited && { limits }) });
    }
  }

  /** How far it was heard stays known: another node may be about to store its reaction to the very event that made the actor leave. */
  #leave(listener: string, source: string): void {
    const key = listenerKey(listener, source);
    // Code ends what it begins anew with the same event.
    this.ended.delete(key);
    const known = this.sources.get(key);
    if (!known) return;
    this.#keepLeft(key, { listener, source, at: known.at, count: known.count });
  }

  #keepLeft(key: string, heard: HeardSource): void {
    this.sources.delete(key);
    this.sources.set(key, heard);
    if (!isLeft(heard)) return;
    this.#left.delete(key);
    this.#left.add(key);
    if (this.#left.size <= LEFT_SOURCES_MAX) return;
    const [oldest] = this.#left;
    this.#left.delete(oldest as string);
    this.sources.delete(oldest as string);
  }

  /**
   * How far it was heard need not be known any more: whoever is about to store a reaction to it finds out first that it ended, because they store at the
   * version that they expect.
   */
  #end(listener: string, source: string): void {
    const key = listenerKey(listener, source);
    if (!this.sources.delete(key)) return;
    this.#left.delete(key);
    this.ended.add(listener, source);
    this.revision += 1;
  }

  #park(data: ParkedData): void {
    this.parked.add(data.id);
    // One that a dispatcher parked comes late, and says nothing of those before it.
    if (!data.adopted) {
      this.hear(data);
      return;
    }
    this.adopted.add(data.id);
    const [oldest] = this.adopted;
    if (this.adopted.size > ADOPTED_MAX) this.adopted.delete(oldest as string);
  }

  /** A reaction is stored. */
  hear({ listener, source, at }: HeardNote): void {
    const key = listenerKey(listener, source);
    const known = this.sources.get(key);
    if (!known) {
      // Of what began in code, and is not known, nothing can come any more.
      if (listener.startsWith(IN_CODE)) return;
      const heard = { listener, source, at, count: 1 };
      this.#keepLeft(key, heard);
      return;
    }
    const heard = { ...known, at: Math.max(at, known.at), count: known.count + 1 };
    this.sources.set(key, heard);
    if (heard.count >= (known.limits?.count ?? Number.POSITIVE_INFINITY)) this.#end(listener, source);
  }
}

/** The framework's events of an actor that listens. */
export const LISTENING_EVENT = '$listening';
export const HEARD_EVENT = '$heard';
export const PARKED_EVENT = '$parked';
export const UNPARKED_EVENT = '$unparked';

/** What they are, for classes on one stream to tell theirs apart. */
export const LISTENING_EVENTS: ReadonlySet<string> = new Set([
  LISTENING_EVENT,
  HEARD_EVENT,
  PARKED_EVENT,
  UNPARKED_EVENT,
]);

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

/**
 * `$heard`: how far a listener has heard a source, where it fired nothing in whose metadata that could stand. Older streams have one for each reaction, in
 * its commit.
 */
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
  /** It was no longer JSON in the store: `event` has neither payload nor metadata. */
  readonly unreadable?: true;
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

/** Most sources that its state no longer names of which an actor remembers how far they were heard: those that it left last. */
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
  /** As they were when it began. */
  readonly limits?: ListeningLimits;
}

/** A snapshot's part of it. */
export interface ListeningMemory {
  readonly sources: readonly HeardSource[];
  readonly parked: readonly string[];
  readonly adopted?: readonly string[];
  readonly ended?: ReturnType<EndedSources['toJSON']>;
}

/** Whether it no longer listens to it; events of names are brought to it by others, so it never does. */
function isLeft({ source, sinceMs }: HeardSource): boolean {
  return sinceMs === undefined && source !== ALL_STREAMS;
}
