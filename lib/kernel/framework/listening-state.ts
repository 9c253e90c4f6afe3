import type { NewEvent, StoredEvent, StoredFailure } from '../values/index.js';
import { EndedSources, listenerKey } from './ended-sources.js';
import type { HeardNote } from './heard-note.js';

/**
 * What an actor listens to and how far it has heard: a fold of stored events and of nothing else. An actor that
 * continues from a snapshot has exactly the same, including the order in which entries will be forgotten.
 */
export class ListeningState {
  /** By `listenerKey`. Sources that it left come in the order in which it left them. */
  readonly sources = new Map<string, HeardSource>();
  /** Sources of `listenTo` that ended for good: they were stopped, or reached their count. */
  readonly ended = new EndedSources();
  /** The ids of parked events. */
  readonly parked = new Set<string>();
  /**
   * The ids of events that a dispatcher had parked and that the actor took over, whatever happened to them since; the
   * latest last.
   */
  readonly adopted = new Set<string>();
  /** It grows whenever what the actor listens to changes. */
  revision = 0;
  readonly #actor: string;
  /** The keys of sources that it left, the latest last. */
  readonly #left = new Set<string>();

  constructor(actor: string) {
    this.#actor = actor;
  }

  /** How far the listener has heard the source; 0 if never. */
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

  /** `undefined` if there is nothing to store. */
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
      // Two nodes may begin at the same time. The first one counts, even if it has ended since.
      if (known?.sinceMs !== undefined || this.ended.has(key)) continue;
      this.#left.delete(key);
      // If the state names a source again, listening continues where it stopped. Code, in contrast, begins anew on
      // purpose.
      const at = listener.startsWith(IN_CODE) ? after : Math.max(after, known?.at ?? 0);
      const limited = limits.count !== undefined || limits.forMs !== undefined;
      this.sources.set(key, { listener, source, at, count: 0, sinceMs, ...(limited && { limits }) });
    }
  }

  /**
   * How far the source was heard stays known: another node may be about to store its reaction to the very event that
   * made the actor leave.
   */
  #leave(listener: string, source: string): void {
    const key = listenerKey(listener, source);
    // When code begins anew, the same event ends what was there before.
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
   * How far the source was heard need not be known any more. Whoever is about to store a reaction to it appends at the expected version, and so learns first
   * that it ended.
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
    // An event that a dispatcher parked arrives late. It says nothing about the events before it.
    if (!data.adopted) {
      this.hear(data);
      return;
    }
    this.adopted.add(data.id);
    const [oldest] = this.adopted;
    if (this.adopted.size > ADOPTED_MAX) this.adopted.delete(oldest as string);
  }

  /** Records that a reaction is stored. */
  hear({ listener, source, at }: HeardNote): void {
    const key = listenerKey(listener, source);
    const known = this.sources.get(key);
    if (!known) {
      // It began in code and is not known any more, so nothing more can come of it.
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

/** All of the above. Each names its actor class, so that classes on one stream can tell theirs apart. */
export const LISTENING_EVENTS: ReadonlySet<string> = new Set([
  LISTENING_EVENT,
  HEARD_EVENT,
  PARKED_EVENT,
  UNPARKED_EVENT,
]);

/** Stands in the place of a stream's id, for listeners to event names across all streams. */
export const ALL_STREAMS = '';

/** The prefix of the names of listeners that `listenTo` starts. */
export const IN_CODE = 'listenTo:';

/** When a listener that `listenTo` started ends by itself. */
export interface ListeningLimits {
  readonly count?: number | undefined;
  /** Milliseconds. */
  readonly forMs?: number | undefined;
}

/** `$listening`: the sources to which a listener begins to listen, each with the version (or position) after which it hears, and the sources that it leaves. */
export interface ListeningData {
  /** Name of the actor class. */
  readonly actor: string;
  readonly listener: string;
  readonly begin: readonly ({ readonly source: string; readonly after: number } & ListeningLimits)[];
  readonly end: readonly string[];
  /** Sources that code ended for good. They are remembered, so that an `onActivate` that listens to them again begins nothing. */
  readonly over?: readonly string[];
}

/**
 * `$heard`: how far a listener has heard a source, for a reaction that fired no event whose metadata could say so. Older streams have one for each reaction, in
 * its commit.
 */
export interface HeardData {
  readonly actor: string;
  readonly listener: string;
  readonly source: string;
  /** The version in the source's stream; the position, if the source is `ALL_STREAMS`. */
  readonly at: number;
}

/** `$parked`: an event on which a listener failed too often, with everything needed to inspect it and to try it again. */
export interface ParkedData extends HeardData {
  readonly id: string;
  /** The actor's id without the class's prefix. */
  readonly actorId: string;
  readonly event: StoredEvent;
  readonly error: StoredFailure;
  /** The event is no longer valid JSON in the store, so `event` has neither payload nor metadata. */
  readonly unreadable?: true;
  /** How often it was tried. */
  readonly attempts: number;
  /** For a projection: the position of the last event before it that was handled. */
  readonly after?: number;
  /** The dispatcher in whose stream it is stored, because it could be delivered to no actor. */
  readonly by?: string;
  /** A dispatcher had parked it, and its actor took it over. */
  readonly adopted?: true;
}

/** `$unparked`: the event is no longer parked. It was handled by a retry, an operator discarded it, or the read model that it belongs to was replaced. */
export interface UnparkedData {
  readonly actor: string;
  readonly id: string;
  readonly outcome: 'retried' | 'discarded' | 'replaced';
}

/** How many sources that its state no longer names an actor remembers, with how far they were heard: those that it left last. */
export const LEFT_SOURCES_MAX = 1_000;

/** How many parked events taken over from a dispatcher an actor remembers: the latest. */
export const ADOPTED_MAX = 1_000;

/** How far one listener has heard one source. */
export interface HeardSource {
  readonly listener: string;
  readonly source: string;
  readonly at: number;
  /** How many reactions to it are stored. */
  readonly count: number;
  /**
   * When listening began, in milliseconds since 1970. It is `undefined` if the actor itself does not listen to the source: events of it are dispatched to the
   * actor, or the actor left it.
   */
  readonly sinceMs?: number;
  /** The limits as of when listening began. */
  readonly limits?: ListeningLimits;
}

/** What a snapshot stores of it. */
export interface ListeningMemory {
  readonly sources: readonly HeardSource[];
  readonly parked: readonly string[];
  readonly adopted?: readonly string[];
  readonly ended?: ReturnType<EndedSources['toJSON']>;
}

/** Whether the actor left the source. It cannot leave `ALL_STREAMS`, whose events a dispatcher delivers. */
function isLeft({ source, sinceMs }: HeardSource): boolean {
  return sinceMs === undefined && source !== ALL_STREAMS;
}
