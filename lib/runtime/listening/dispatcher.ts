import { sleep } from '../../engine/environment.js';
import { EventPull } from '../../engine/event-pull.js';
import { Stretch } from '../../engine/time-slices.js';
import { OmniscientError } from '../../kernel/errors.js';
import type { EventRecord, StoredEvent } from '../../kernel/event.js';
import { ALL_STREAMS } from '../../kernel/hearing.js';
import type { ListenDefinition } from '../../kernel/listen-definition.js';
import type { LeaderElection } from '../cluster/leader-election.js';
import { decodeEvent, todaysEvent } from '../event-codec.js';
import type { RuntimeParts } from '../settings.js';
import { Bookmark } from './bookmark.js';
import { CallLine, type LineOwner } from './call-line.js';
import type { DispatcherOwner } from './dispatcher-owner.js';
import { NOWHERE, type Place, takenOver, withBegun } from './dispatcher-place.js';
import { Progress } from './progress.js';
import type { Sound } from './sound.js';
import { Undelivered, undeliveredKey } from './undelivered.js';

/** Most events under way to the actors they concern. */
const UNDER_WAY_MAX = 1_000;

/** How often it is tried again to write down where listening begins because the others write at the same time. */
const PREPARE_TRIES_MAX = 100;

/** What goes on from one look at what is written down to the next. */
interface Work {
  readonly since: Required<Place>['since'];
  readonly behind: Required<Place>['behind'];
  readonly progress: Progress;
  /** What was parked as undelivered before that look. */
  readonly undelivered: ReadonlySet<string>;
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
  /** What it could bring to no actor. */
  readonly undelivered: Undelivered;
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
    this.undelivered = new Undelivered(this.name, owner, parts);
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
    const beginning = added.map(({ name, from }) => ({ name, after: from ?? last }));
    return withBegun(value, isNew, beginning, last);
  }

  start(election: LeaderElection): void {
    this.#resign = election.standFor(this.name, (signal) => this.#work(signal));
  }

  /** Whether something that was said is not dealt with yet, as far as this node knows; always while another one leads. */
  get behind(): boolean {
    const work = this.#current;
    return !work || work.over || work.progress.size > 0 || work.pull.isBehind;
  }

  /** Up to where everything is done, as far as it is written down. */
  async position(): Promise<number> {
    return (await this.#open()).value.position;
  }

  async stop(): Promise<void> {
    await this.#resign?.();
  }

  #open(): Promise<Bookmark<Place>> {
    return Bookmark.open(this.#parts, this.name, NOWHERE);
  }

  /** Each time that somebody else has written where it stands (one who led before, or an answer was lost) it begins anew with that. */
  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const bookmark = await Bookmark.claim(this.#parts, this.name, NOWHERE);
      if (bookmark && !signal.aborted) await this.#workFrom(bookmark, signal);
    }
  }

  async #workFrom(bookmark: Bookmark<Place>, signal: AbortSignal): Promise<void> {
    const place = takenOver(bookmark.value, new Set(this.#calling.map(({ name }) => name)));
    const undelivered = await this.undelivered.after(place.position);
    const pull = this.#pullFrom(place.position);
    const { since, behind } = place;
    const progress = new Progress(place.position);
    const work: Work = { since, behind, progress, undelivered, lines: new Map(), pull, over: signal.aborted };
    this.#current = work;
    const stop = () => {
      work.over = true;
      pull.stop();
      for (const line of work.lines.values()) line.stop();
    };
    signal.addEventListener('abort', stop);
    try {
      bookmark.keep(() => placeOf(work), stop);
      while (!work.over) {
        const page = (await pull.next()) ?? [];
        const stretch = new Stretch(this.#parts.environment);
        for (const record of page) {
          if (stretch.isLong) await stretch.turn();
          if (!work.over) await this.#dispatch(record, work);
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
      stop();
      await bookmark.close(placeOf(work));
    }
  }

  #pullFrom(position: number): EventPull {
    const { engine, log, environment } = this.#parts;
    const names = [...new Set(this.#calling.flatMap(({ events }) => [...(events ?? [])]))];
    const what = `${this.#owner.actorName}: the events it listens to could not be read; it is tried again`;
    return new EventPull(engine, { names }, position, (error) => log.warn(what, error), environment);
  }

  async #dispatch(record: EventRecord, work: Work): Promise<void> {
    const concerned = this.#calling.filter(({ name, events }) => {
      return events?.has(record.name) && record.position > (work.since[name] ?? 0);
    });
    const done = work.progress.begin(record.position, concerned.length);
    for (const listen of concerned) {
      const sound = soundOf(listen, record);
      const whom = work.undelivered.has(undeliveredKey(sound)) ? undefined : this.#whom(listen, record);
      if (!whom) done();
      else this.#lineTo(listen, whom.id, work).add({ sound, done, undeliverable: whom.undeliverable });
    }
    while (work.progress.size >= UNDER_WAY_MAX && !work.over) await sleep(this.#parts.environment, 1);
  }

  /** Which actor it concerns; nobody, if `to` says so. What `to` throws, and an id that is none, would be the same again: it is pure. */
  #whom(listen: Calling, record: EventRecord): { id: string; undeliverable?: { error: unknown } } | undefined {
    const where = `${this.#owner.actorName}.${listen.name}: '${record.name}'`;
    let event: StoredEvent;
    try {
      event = decodeEvent(record);
    } catch (error) {
      // Nor could it be parked.
      this.#parts.log.error(`${where} can't be read; nobody hears it`, error);
      return undefined;
    }
    try {
      const id = listen.to(todaysEvent(this.#owner.upcasts, event)) ?? undefined;
      if (id === undefined) return undefined;
      this.#owner.checkId(id);
      return { id };
    } catch (error) {
      return { id: '', undeliverable: { error } };
    }
  }

  #lineTo(listen: Calling, id: string, { lines }: Work): CallLine {
    const key = `${listen.name}\0${id}`;
    const line = lines.get(key) ?? this.#newLine(listen, id, () => lines.delete(key));
    lines.set(key, line);
    return line;
  }

  #newLine(listen: Calling, id: string, ended: () => void): CallLine {
    return new CallLine(this.#lineOwner(listen, id, ended), this.#parts.environment);
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
      setAside: (sound, error, attempts) => this.undelivered.park(sound, id, error, attempts),
      ended,
    };
  }
}

function soundOf({ name }: Calling, record: EventRecord): Sound {
  return { listener: name, source: ALL_STREAMS, at: record.position, record };
}

/** Up to where everything is done, also what was none of its business. */
function placeOf({ progress, since, behind, pull }: Work): Place {
  const position = progress.size > 0 ? progress.done : Math.max(progress.done, pull.quietAt);
  return { position, since, ...(Object.keys(behind).length > 0 && { behind }) };
}
