// The real ones, also where a test runner has replaced the globals.
import { setTimeout } from 'node:timers';
import { EventPull } from '../../engine/event-pull.js';
import { OmniscientError } from '../../kernel/errors.js';
import type { EventRecord } from '../../kernel/event.js';
import { ALL_STREAMS } from '../../kernel/hearing.js';
import type { ListenDefinition } from '../../kernel/listen-definition.js';
import type { Upcasts } from '../../kernel/upcasts.js';
import type { LeaderElection } from '../cluster/leader-election.js';
import { decodeEvent, todaysEvent } from '../event-codec.js';
import type { RuntimeParts } from '../settings.js';
import type { ActorListening } from './actor-listening.js';
import { Bookmark } from './bookmark.js';
import { CallLine, type LineOwner } from './call-line.js';
import { Progress } from './progress.js';
import type { Sound } from './reactions.js';

/** Most events under way to the actors they concern. */
const UNDER_WAY_MAX = 1_000;

/** What the dispatcher needs of the class it serves. */
export interface DispatcherOwner {
  /** Name of the actor class. */
  readonly actorName: string;
  /** The listeners that say which actor an event concerns. */
  readonly listens: readonly ListenDefinition[];
  /** What it makes of old events. */
  readonly upcasts: Upcasts;
  /** What the actor of this id listens to; loads it. */
  load(id: string): Promise<ActorListening>;
}

/** What is written down of it. */
interface Place {
  /** Up to where everything is done. */
  readonly position: number;
  /** After which position each listener hears: those that were added to the class later begin later, or earlier. */
  readonly since?: Readonly<Record<string, number>>;
}

const NOWHERE: Place = { position: 0 };

/** How often it is tried again to write down where listening begins because the others write at the same time. */
const PREPARE_TRIES_MAX = 100;

/** What goes on from one look at what is written down to the next. */
interface Work {
  readonly since: Readonly<Record<string, number>>;
  readonly progress: Progress;
  /** What is under way, by actor and listener. */
  readonly lines: Map<string, CallLine>;
  readonly pull: EventPull;
  over: boolean;
}

type Calling = ListenDefinition & { readonly to: NonNullable<ListenDefinition['to']> };

/**
 * Calls those actors of one class whom an event concerns: on one node, elected; from a checkpoint, so that nothing is missed while every node is down. Two
 * nodes that both believe that they lead do no harm: each actor remembers how far it has heard. One actor gets its events in order, many actors theirs at
 * the same time.
 */
export class Dispatcher {
  readonly name: string;
  readonly #owner: DispatcherOwner;
  readonly #parts: RuntimeParts;
  readonly #calling: readonly Calling[];
  #resign: (() => Promise<void>) | undefined;
  /** While this node leads. */
  #current: Work | undefined;

  constructor(owner: DispatcherOwner, parts: RuntimeParts) {
    this.#owner = owner;
    this.#parts = parts;
    this.name = `$listen-${owner.actorName}`;
    this.#calling = owner.listens.filter((each): each is Calling => each.to !== undefined);
  }

  /**
   * Writes down where each listener begins, unless that was done before. What is fired from then on is heard.
   *
   * @throws OmniscientError (`LISTENING_NOT_BEGUN`), EngineError.
   */
  async prepare(): Promise<void> {
    for (let tries = 1; tries <= PREPARE_TRIES_MAX; tries += 1) {
      const bookmark = await this.#open();
      const place = await this.#begun(bookmark);
      if (!place || (await bookmark.save(place))) return;
    }
    throw new OmniscientError(
      'LISTENING_NOT_BEGUN',
      `${this.#owner.actorName}: where it begins to listen could not be written down, ${PREPARE_TRIES_MAX} times, because others wrote too: try again`,
      { retryable: true },
    );
  }

  /** Where it stands once every listener has begun; `undefined` if they all have. */
  async #begun({ value, isNew }: Bookmark<Place>): Promise<Place | undefined> {
    const since = value.since ?? {};
    const added = this.#calling.filter(({ name }) => since[name] === undefined);
    if (added.length === 0) return undefined;
    const last = await this.#parts.engine.lastPosition();
    const begun = Object.fromEntries(added.map(({ name, from }) => [name, from ?? last]));
    // Those that were there before have heard everything up to here, also if one that is new makes it go back.
    const known = Object.entries(since).map(([name, after]) => [name, Math.max(after, value.position)]);
    const position = Math.min(isNew ? last : value.position, ...Object.values(begun));
    return { position, since: { ...Object.fromEntries(known), ...begun } };
  }

  start(election: LeaderElection): void {
    this.#resign = election.whenLeader(this.name, (signal) => this.#work(signal));
  }

  /** Whether something that was said is not dealt with yet, as far as this node knows; always while another one leads. */
  get behind(): boolean {
    const work = this.#current;
    return !work || work.over || work.progress.size > 0 || work.pull.place > work.pull.quietAt;
  }

  /** Up to where everything is done, as far as it is written down. */
  async position(): Promise<number> {
    return (await this.#open()).value.position;
  }

  async stop(): Promise<void> {
    await this.#resign?.();
  }

  #open(): Promise<Bookmark<Place>> {
    return Bookmark.open(this.#parts.engine, this.name, NOWHERE);
  }

  /** Each time that somebody else has written where it stands (one who led before, or an answer was lost) it begins anew with that. */
  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const bookmark = await Bookmark.claim(this.#parts.engine, this.name, NOWHERE);
      if (bookmark && !signal.aborted) await this.#workFrom(bookmark, signal);
    }
  }

  async #workFrom(bookmark: Bookmark<Place>, signal: AbortSignal): Promise<void> {
    const names = [...new Set(this.#calling.flatMap(({ events }) => [...(events ?? [])]))];
    const pull = new EventPull(this.#parts.engine, { names }, bookmark.value.position, (error) =>
      this.#parts.log.warn(
        `${this.#owner.actorName}: the events it listens to could not be read; it is tried again`,
        error,
      ),
    );
    const { since = {} } = bookmark.value;
    const work: Work = {
      since,
      progress: new Progress(bookmark.value.position),
      lines: new Map(),
      pull,
      over: signal.aborted,
    };
    this.#current = work;
    const stop = () => {
      work.over = true;
      pull.stop();
      for (const line of work.lines.values()) line.stop();
    };
    signal.addEventListener('abort', stop);
    try {
      bookmark.keep(() => ({ position: placeOf(work), since }), stop);
      while (!work.over) {
        for (const record of (await pull.next()) ?? []) {
          if (!work.over) await this.#dispatch(record, work);
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
      stop();
      await bookmark.close({ position: placeOf(work), since });
    }
  }

  async #dispatch(record: EventRecord, work: Work): Promise<void> {
    const concerned = this.#calling.filter(({ name, events }) => {
      return events?.has(record.name) && record.position > (work.since[name] ?? 0);
    });
    const done = work.progress.begin(record.position, concerned.length);
    for (const listen of concerned) {
      const id = this.#concerned(listen, record);
      if (id === undefined) done();
      else this.#lineTo(listen, id, work).add({ sound: soundOf(listen, record), done });
    }
    while (work.progress.size >= UNDER_WAY_MAX && !work.over) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  /** Which actor it concerns. What `to` throws is logged, and the event concerns nobody: it is pure, so that would not change. */
  #concerned(listen: Calling, record: EventRecord): string | undefined {
    try {
      return listen.to(todaysEvent(this.#owner.upcasts, decodeEvent(record))) ?? undefined;
    } catch (error) {
      const where = `${this.#owner.actorName}.${listen.name}: 'to' failed on '${record.name}'`;
      this.#parts.log.error(
        `${where} (event ${record.version} of stream '${record.streamId}'); nobody hears it`,
        error,
      );
      return undefined;
    }
  }

  #lineTo(listen: Calling, id: string, { lines }: Work): CallLine {
    const key = `${listen.name}\0${id}`;
    const line = lines.get(key) ?? new CallLine(this.#lineOwner(listen, id, () => lines.delete(key)));
    lines.set(key, line);
    return line;
  }

  #lineOwner(listen: Calling, id: string, ended: () => void): LineOwner {
    const { log, limits } = this.#parts;
    const where = `${this.#owner.actorName} '${id}': '${listen.name}'`;
    return {
      triesMax: limits.reactionTriesMax,
      onFailure: listen.onFailure,
      reactions: async () => (await this.#owner.load(id)).reactions,
      failed: ({ record }, error) => log.warn(`${where} failed on '${record.name}'`, error),
      broke: (error) => log.error(`${where}: an event could not be brought`, error),
      ended,
    };
  }
}

function soundOf({ name }: Calling, record: EventRecord): Sound {
  return { listener: name, source: ALL_STREAMS, at: record.position, record };
}

/** Up to where everything is done, also what was none of its business. */
function placeOf({ progress, pull }: Work): number {
  return progress.size > 0 ? progress.done : Math.max(progress.done, pull.quietAt);
}
