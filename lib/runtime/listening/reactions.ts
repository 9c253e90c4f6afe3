import type { OnConflict } from '../../kernel/declaring/index.js';
import type { CommandDefinition } from '../../kernel/defining/index.js';
import {
  HEARD_EVENT,
  listenerKey,
  PARKED_EVENT,
  type ParkedData,
  UNPARKED_EVENT,
} from '../../kernel/framework/index.js';
import {
  type EventRecord,
  OmniscientError,
  type StoredFailure,
  storedFailure,
  whenThere,
} from '../../kernel/values/index.js';
import { decodeEvent, derivedId, type Origin, parkable, todaysEvent } from '../events/index.js';
import type { RuntimeParts, Telemetry } from '../parts/index.js';
import { type Delivery, originOf, parkedDelivery } from './delivery.js';
import type { Listener } from './listener.js';
import type { ListeningOwner } from './listening-owner.js';
import { type Listeners, ListeningStatus } from './listening-status.js';
import { command, OutOfOrderError, REACT } from './reaction-commands.js';

/**
 * Reactions of one actor, as commands of its own. The first event that a reaction fires carries the note of how far its
 * source was heard. So both are stored or neither is, and a second reaction to the same event sees the note.
 */
export class Reactions {
  readonly commands: ReadonlyMap<string, CommandDefinition>;
  readonly status: ListeningStatus;
  readonly #owner: ListeningOwner;
  readonly #listeners: Listeners;
  readonly #newId: () => string;
  readonly #telemetry: Telemetry | undefined;
  readonly #unrecorded = new Map<string, number>();
  readonly #notedAt = new Map<string, number>();
  /** Deliveries that were skipped because, by pending events, nobody listened to them any more. */
  readonly #passedOver = new WeakSet<Delivery>();

  constructor(
    owner: ListeningOwner,
    listeners: Listeners,
    { ids, telemetry }: Pick<RuntimeParts, 'ids' | 'telemetry'>,
  ) {
    this.#owner = owner;
    this.#listeners = listeners;
    this.status = new ListeningStatus(owner, listeners);
    this.#newId = () => ids.next();
    this.#telemetry = telemetry;
    const all = [
      ...Object.entries(REACT).map(([onConflict, name]) => {
        const react = (...[delivery, after]: readonly unknown[]) => this.#react(delivery as Delivery, after as number);
        return command(name, react, onConflict as OnConflict);
      }),
      command('$park', (delivery, error, attempts) =>
        this.#park(delivery as Delivery, error as StoredFailure, attempts as number),
      ),
      command('$adopt', (parked) => this.#adopt(parked as ParkedData)),
      command('$retry', (id, delivery) => this.#retry(id as string, delivery as Delivery), 'rerun'),
      command('$discard', (id) => this.#unpark(id as string, 'discarded')),
    ];
    this.commands = new Map(all.map((each) => [each.name, each]));
  }

  /**
   * Runs the listener as a command. An event that was handled already has no further effect.
   *
   * @param after the place up to which this listener must have heard the source before; 0 if that does not matter.
   * @param onExecuted is called when it has run here, before it is stored.
   */
  react(delivery: Delivery, after = 0, onExecuted: () => void = () => {}): Promise<unknown> {
    const { onConflict = 'rerun' } = this.#listeners.find(delivery.listener, delivery.source) ?? {};
    return this.#owner.run(this.#command(REACT[onConflict]), [delivery, after], {
      cause: this.#causeOf(delivery),
      isStale: () => this.#isStale(delivery, after),
      onExecuted,
    });
  }

  /** Puts the event aside for an operator. It counts as heard. */
  async park(delivery: Delivery, error: unknown, attempts: number): Promise<void> {
    const outcome = await this.#owner.run(this.#command('$park'), [delivery, storedFailure(error), attempts], {
      cause: originOf(delivery),
      // Another node may be parking it too.
      isStale: () => this.#isStale(delivery, 0),
    });
    if (outcome !== 'heard') this.#telemetry?.parked(`${this.#owner.actorName}.${delivery.listener}`);
  }

  /** Takes over an event that a dispatcher had parked, once. From then on it is parked here. */
  async adopt(parked: ParkedData): Promise<void> {
    await this.#owner.run(this.#command('$adopt'), [parked], { isStale: () => this.status.hasAdopted(parked.id) });
  }

  /** Reacts to a parked event. @throws whatever the listener throws; the event then stays parked. */
  async retry(parked: ParkedData): Promise<void> {
    const delivery = parkedDelivery(parked);
    await this.#owner.run(this.#command('$retry'), [parked.id, delivery], {
      cause: this.#causeOf(delivery),
      isStale: () => !this.status.isParked(parked.id),
    });
  }

  async discard(id: string): Promise<void> {
    await this.#owner.run(this.#command('$discard'), [id], {});
  }

  /** The place of the last note that was fired here, whether it was stored or not. */
  notedAt(listener: string, source: string): number {
    return this.#notedAt.get(listenerKey(listener, source)) ?? 0;
  }

  /** Drops what is known of a listener that has ended. */
  forget(key: string): void {
    this.#unrecorded.delete(key);
    this.#notedAt.delete(key);
  }

  #react(delivery: Delivery, after: number): unknown {
    const { listener: name, source, at, record } = delivery;
    const appliedAt = this.status.appliedAt(name, source);
    if (appliedAt >= at) return 'heard' satisfies Outcome;
    // An earlier reaction was dropped meanwhile. It must run first.
    if (appliedAt < after) throw new OutOfOrderError(this.#owner.label, name);
    const listener = this.#listenerOf(name, source);
    if (!this.status.wants(listener, delivery)) {
      this.#passedOver.add(delivery);
      return undefined;
    }
    this.#passedOver.delete(delivery);
    // The note goes into the first fired event. A reaction that fires nothing is recorded only now and then.
    if (this.status.isRecorded(delivery)) this.#owner.noteHeard({ listener: name, source, at });
    return whenThere(this.#runListener(listener, record), () => this.#note(listener, delivery));
  }

  /**
   * Calls to other actors must be recognised there, whichever node reacts and however often. So their ids derive from
   * the event.
   */
  #causeOf(delivery: Delivery): Origin {
    const { actorName, id } = this.#owner;
    const { listener, source, record } = delivery;
    return { ...originOf(delivery), commandId: derivedId('reaction', actorName, id, listener, source, record.id) };
  }

  #runListener(listener: Listener, record: EventRecord): unknown {
    return listener.react(this.#owner.actor, todaysEvent(this.#owner.upcasts, decodeEvent(record)));
  }

  #note(listener: Listener, delivery: Delivery): Promise<void> | undefined {
    const hasFired = this.#owner.firedInTurn() > 0;
    if (!this.status.isRecorded(delivery))
      return hasFired || listener.count !== undefined ? this.#noteFirst(delivery) : undefined;
    const { source, at } = delivery;
    const key = listenerKey(listener.name, source);
    const unrecorded = (this.#unrecorded.get(key) ?? 0) + 1;
    const isDue = hasFired || listener.count !== undefined || unrecorded >= UNRECORDED_EVENTS_MAX;
    this.#unrecorded.set(key, isDue ? 0 : unrecorded);
    if (!isDue) return undefined;
    this.#notedAt.set(key, at);
    if (hasFired) return undefined;
    this.#owner.noteHeard(undefined);
    this.#fireHeard(HEARD_EVENT, { listener: listener.name, source, at });
    return undefined;
  }

  /** The first record of an actor: that it listens comes before what it has heard. */
  async #noteFirst({ listener, source, at }: Delivery): Promise<void> {
    await this.#listeners.record();
    this.#notedAt.set(listenerKey(listener, source), at);
    this.#fireHeard(HEARD_EVENT, { listener, source, at });
  }

  async #park({ listener, source, at, record }: Delivery, error: StoredFailure, attempts: number): Promise<Outcome> {
    if (this.status.appliedAt(listener, source) >= at || this.status.hasEnded(listener, source)) return 'heard';
    if (!this.status.isRecorded({ listener, source })) await this.#listeners.record();
    const { actorName: _actor, id: actorId } = this.#owner;
    const parked = { id: this.#newId(), actorId, ...parkable(record), error, attempts };
    this.#fireHeard(PARKED_EVENT, { listener, source, at, ...parked });
    return undefined;
  }

  #adopt({ actor: _actor, by: _by, ...parked }: ParkedData): void {
    if (this.status.hasAdopted(parked.id)) return;
    this.#fireHeard(PARKED_EVENT, { ...parked, actorId: this.#owner.id, adopted: true });
  }

  #retry(id: string, { listener: name, source, record }: Delivery): unknown {
    if (!this.status.isParked(id)) return undefined;
    const listener = this.#listenerOf(name, source);
    return whenThere(this.#runListener(listener, record), () => this.#unpark(id, 'retried'));
  }

  #unpark(id: string, outcome: 'retried' | 'discarded'): undefined {
    if (this.status.isParked(id)) {
      this.#owner.fireFramework(UNPARKED_EVENT, { actor: this.#owner.actorName, id, outcome });
    }
  }

  #fireHeard(name: string, data: object): void {
    this.#owner.fireFramework(name, { actor: this.#owner.actorName, ...data });
  }

  #isStale(delivery: Delivery, after: number): boolean {
    const appliedAt = this.status.appliedAt(delivery.listener, delivery.source);
    if (appliedAt >= delivery.at || appliedAt < after) return true;
    // Another node may have decided first whether it still listens to that.
    const listener = this.#listeners.find(delivery.listener, delivery.source);
    return listener !== undefined && this.status.wants(listener, delivery) === this.#passedOver.has(delivery);
  }

  #listenerOf(name: string, source: string): Listener {
    const listener = this.#listeners.find(name, source);
    if (listener) return listener;
    throw new OmniscientError(
      'UNKNOWN_LISTENER',
      `${this.#owner.label}: no listener is called '${name}': was the method renamed, or listenTo() not called again in onActivate? ` +
        'Restore the name, or call it again',
    );
  }

  #command(name: string): CommandDefinition {
    return this.commands.get(name) as CommandDefinition;
  }
}

/** How many events without an effect a listener handles before it records how far it has heard. */
const UNRECORDED_EVENTS_MAX = 100;

/** The outcome of a reaction: `'heard'` if another node had reacted already, `undefined` if it ran here. */
export type Outcome = 'heard' | undefined;
