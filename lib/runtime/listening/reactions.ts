import type { CommandDefinition } from '../../kernel/definition.js';
import { hearingKey } from '../../kernel/ended-sources.js';
import { OmniscientError } from '../../kernel/errors.js';
import type { EventRecord, NewEvent } from '../../kernel/event.js';
import {
  HEARD_EVENT,
  IN_CODE,
  LISTENING_EVENT,
  type ListeningData,
  PARKED_EVENT,
  type ParkedData,
  UNPARKED_EVENT,
  type UnparkedData,
} from '../../kernel/hearing.js';
import type { OnConflict } from '../../kernel/marks.js';
import { whenThere } from '../../kernel/thenable.js';
import { type StoredFailure, storedFailure } from '../../kernel/thrown.js';
import type { Origin } from '../cause.js';
import { derivedId } from '../derived-ids.js';
import { decodeEvent, parkable, todaysEvent } from '../event-codec.js';
import type { RuntimeParts } from '../settings.js';
import type { Telemetry } from '../telemetry/telemetry.js';
import type { Listener } from './listener.js';
import type { ListeningOwner } from './listening-owner.js';
import { command, OutOfOrderError, REACT } from './reaction-commands.js';
import { originOf, parkedSound, placeFinder, type Sound, saidAtMs } from './sound.js';

/** A listener that fires nothing writes down how far it has heard once in so many events. */
const UNRECORDED_EVENTS_MAX = 100;

/** Whoever listens to that source by that name. */
type FindListener = (name: string, source: string) => Listener | undefined;

/** What came of a reaction: somebody else had reacted already; or it ran here. */
export type Outcome = 'heard' | undefined;

/**
 * Reactions of one actor, as commands of its own. The note how far its source has been heard is a part of the first event that one fires, so that both are
 * stored or neither, and whoever reacts a second time sees the note.
 */
export class Reactions {
  readonly commands: ReadonlyMap<string, CommandDefinition>;
  readonly #owner: ListeningOwner;
  readonly #find: FindListener;
  readonly #newId: () => string;
  readonly #telemetry: Telemetry | undefined;
  readonly #unrecorded = new Map<string, number>();
  readonly #notedAt = new Map<string, number>();
  /** What was passed over because nobody listened to it any more, by what was about to be stored. */
  readonly #passedOver = new WeakSet<Sound>();

  constructor(owner: ListeningOwner, find: FindListener, { ids, telemetry }: Pick<RuntimeParts, 'ids' | 'telemetry'>) {
    this.#owner = owner;
    this.#find = find;
    this.#newId = () => ids.next();
    this.#telemetry = telemetry;
    const all = [
      ...Object.entries(REACT).map(([onConflict, name]) => {
        const react = (...[sound, after]: readonly unknown[]) => this.#react(sound as Sound, after as number);
        return command(name, react, onConflict as OnConflict);
      }),
      command('$park', (sound, error, attempts) =>
        this.#park(sound as Sound, error as StoredFailure, attempts as number),
      ),
      command('$adopt', (parked) => this.#adopt(parked as ParkedData)),
      command('$retry', (id, sound) => this.#retry(id as string, sound as Sound), 'rerun'),
      command('$discard', (id) => this.#unpark(id as string, 'discarded')),
    ];
    this.commands = new Map(all.map((each) => [each.name, each]));
  }

  /**
   * Runs the listener as a command. Nothing is fired for what was heard already.
   *
   * @param after place up to which this listener must have heard the source before; 0 if that does not matter.
   * @param onExecuted told when it has run here, before that is stored.
   */
  react(sound: Sound, after = 0, onExecuted: () => void = () => {}): Promise<unknown> {
    const { onConflict = 'rerun' } = this.#find(sound.listener, sound.source) ?? {};
    return this.#owner.run(this.#command(REACT[onConflict]), [sound, after], {
      cause: this.#causeOf(sound),
      isStale: () => this.#isStale(sound, after),
      onExecuted,
    });
  }

  /** Puts the event aside, for somebody to look at; counts as heard. */
  async park(sound: Sound, error: unknown, attempts: number): Promise<void> {
    const outcome = await this.#owner.run(this.#command('$park'), [sound, storedFailure(error), attempts], {
      cause: originOf(sound),
      // Another node may be parking it too.
      isStale: () => this.#isStale(sound, 0),
    });
    if (outcome !== 'heard') this.#telemetry?.parked(`${this.#owner.actorName}.${sound.listener}`);
  }

  /** Takes over what a dispatcher had to park, once: from then on it is parked here. */
  async adopt(parked: ParkedData): Promise<void> {
    await this.#owner.run(this.#command('$adopt'), [parked], { isStale: () => this.#hasAdopted(parked.id) });
  }

  /** Reacts to what was parked. @throws what the listener throws; it is parked as before then. */
  async retry(parked: ParkedData): Promise<void> {
    const sound = parkedSound(parked);
    await this.#owner.run(this.#command('$retry'), [parked.id, sound], {
      cause: this.#causeOf(sound),
      isStale: () => !this.#isParked(parked.id),
    });
  }

  async discard(id: string): Promise<void> {
    await this.#owner.run(this.#command('$discard'), [id], {});
  }

  /** How far the source has been heard, by what is stored and by what is about to be. */
  appliedAt(listener: string, source: string): number {
    const stored = this.#owner.hearing.heardAt(listener, source);
    const placeIn = placeFinder(this.#owner.actorName, listener, source);
    let place: number | undefined;
    this.#owner.findPending((event) => {
      place = placeIn(event);
      return place !== undefined;
    });
    return Math.max(stored, place ?? 0);
  }

  /** The place of the last note that was fired here, whatever became of it. */
  notedAt(listener: string, source: string): number {
    return this.#notedAt.get(hearingKey(listener, source)) ?? 0;
  }

  /** Whether it has heard as often as it was to, or was stopped. */
  isOver({ name, count }: Listener, source: string): boolean {
    const key = hearingKey(name, source);
    const heard = this.#owner.hearing.sources.get(key);
    if (!heard) return this.#owner.hearing.ended.has(key);
    return count !== undefined && heard.count >= count;
  }

  /** Nothing of this is heard here any more. */
  forget(key: string): void {
    this.#unrecorded.delete(key);
    this.#notedAt.delete(key);
  }

  /** Whether its time was over then. What was said before is heard, however late. */
  isLate({ name, forMs }: Listener, source: string, atMs: number): boolean {
    const sinceMs =
      forMs === undefined ? undefined : this.#owner.hearing.sources.get(hearingKey(name, source))?.sinceMs;
    return sinceMs !== undefined && atMs >= sinceMs + (forMs as number);
  }

  #react(sound: Sound, after: number): unknown {
    const { listener: name, source, at, record } = sound;
    const appliedAt = this.appliedAt(name, source);
    if (appliedAt >= at) return 'heard' satisfies Outcome;
    // One before it was dropped meanwhile: it must be heard first.
    if (appliedAt < after) throw new OutOfOrderError(this.#owner.label, name);
    const listener = this.#listenerOf(name, source);
    if (!this.#wants(listener, sound)) {
      this.#passedOver.add(sound);
      return undefined;
    }
    this.#passedOver.delete(sound);
    // It stands in what is fired first. A reaction that fires nothing is noted now and then.
    this.#owner.noteHeard({ listener: name, source, at });
    return whenThere(this.#tell(listener, record), () => this.#note(listener, sound));
  }

  /** What is asked of other actors while it is reacted to must be recognised there, whoever reacts, and how often. */
  #causeOf(sound: Sound): Origin {
    const { actorName, id } = this.#owner;
    const { listener, source, record } = sound;
    return { ...originOf(sound), commandId: derivedId('reaction', actorName, id, listener, source, record.id) };
  }

  #tell(listener: Listener, record: EventRecord): unknown {
    return listener.react(this.#owner.actor, todaysEvent(this.#owner.upcasts, decodeEvent(record)));
  }

  #note(listener: Listener, { source, at }: Sound): undefined {
    const key = hearingKey(listener.name, source);
    const unrecorded = (this.#unrecorded.get(key) ?? 0) + 1;
    const hasFired = this.#owner.firedInTurn() > 0;
    const isDue = hasFired || listener.count !== undefined || unrecorded >= UNRECORDED_EVENTS_MAX;
    this.#unrecorded.set(key, isDue ? 0 : unrecorded);
    if (!isDue) return;
    this.#notedAt.set(key, at);
    if (hasFired) return;
    this.#owner.noteHeard(undefined);
    this.#fireHeard(HEARD_EVENT, { listener: listener.name, source, at });
  }

  #park({ listener, source, at, record }: Sound, error: StoredFailure, attempts: number): Outcome {
    if (this.appliedAt(listener, source) >= at || this.#hasEnded(listener, source)) return 'heard';
    const { actorName: _actor, id: actorId } = this.#owner;
    const parked = { id: this.#newId(), actorId, ...parkable(record), error, attempts };
    this.#fireHeard(PARKED_EVENT, { listener, source, at, ...parked });
    return undefined;
  }

  #adopt({ actor: _actor, by: _by, ...parked }: ParkedData): void {
    if (this.#hasAdopted(parked.id)) return;
    this.#fireHeard(PARKED_EVENT, { ...parked, actorId: this.#owner.id, adopted: true });
  }

  /** By what is stored and by what is about to be. */
  #hasAdopted(id: string): boolean {
    const isComing = ({ name, data }: NewEvent) => name === PARKED_EVENT && (JSON.parse(data) as ParkedData).id === id;
    return this.#owner.hearing.adopted.has(id) || this.#owner.findPending(isComing) !== undefined;
  }

  #retry(id: string, { listener: name, source, record }: Sound): unknown {
    if (!this.#isParked(id)) return undefined;
    const listener = this.#listenerOf(name, source);
    return whenThere(this.#tell(listener, record), () => this.#unpark(id, 'retried'));
  }

  #unpark(id: string, outcome: 'retried' | 'discarded'): undefined {
    if (this.#isParked(id)) {
      this.#owner.fireFramework(UNPARKED_EVENT, { actor: this.#owner.actorName, id, outcome });
    }
  }

  /** By what is stored and by what is about to be. */
  #isParked(id: string): boolean {
    const isGoing = ({ name, data }: NewEvent) =>
      name === UNPARKED_EVENT && (JSON.parse(data) as UnparkedData).id === id;
    return this.#owner.hearing.parked.has(id) && !this.#owner.findPending(isGoing);
  }

  #fireHeard(name: string, data: object): void {
    this.#owner.fireFramework(name, { actor: this.#owner.actorName, ...data });
  }

  /** Whether it still listens, by what is stored and by what is about to be. */
  #wants(listener: Listener, sound: Sound): boolean {
    const { source } = sound;
    if (!listener.wants(this.#owner.view, source) || this.isOver(listener, source)) return false;
    if (listener.forMs !== undefined && this.isLate(listener, source, saidAtMs(sound))) return false;
    // Only what began in code ends from code.
    if (!listener.isInCode) return true;
    if (this.#hasEnded(listener.name, source)) return false;
    const isEnding = ({ name, data }: NewEvent) => {
      if (name !== LISTENING_EVENT) return false;
      const change = JSON.parse(data) as ListeningData;
      const isOurs = change.actor === this.#owner.actorName && change.listener === listener.name;
      return isOurs && (change.over ?? []).includes(source);
    };
    return !this.#owner.findPending(isEnding);
  }

  /** Whether code listened to it and does so no more; how far it was heard need not be known then. */
  #hasEnded(listener: string, source: string): boolean {
    const heard = this.#owner.hearing.sources.get(hearingKey(listener, source));
    return listener.startsWith(IN_CODE) && heard?.sinceMs === undefined;
  }

  #isStale(sound: Sound, after: number): boolean {
    const appliedAt = this.appliedAt(sound.listener, sound.source);
    if (appliedAt >= sound.at || appliedAt < after) return true;
    // Somebody else may have been first to decide whether it still listens to that.
    const listener = this.#find(sound.listener, sound.source);
    return listener !== undefined && this.#wants(listener, sound) === this.#passedOver.has(sound);
  }

  #listenerOf(name: string, source: string): Listener {
    const listener = this.#find(name, source);
    if (listener) return listener;
    throw new OmniscientError(
      'UNKNOWN_LISTENER',
      `${this.#owner.label}: nothing here is called '${name}' that listens: was the method renamed, or listenTo() not called again in onActivate?`,
    );
  }

  #command(name: string): CommandDefinition {
    return this.commands.get(name) as CommandDefinition;
  }
}
