import { storePages } from '../../engine/reading/index.js';
import {
  ALL_STREAMS,
  PARKED_EVENT,
  type ParkedData,
  UNPARKED_EVENT,
  type UnparkedData,
} from '../../kernel/framework/index.js';
import { OmniscientError, storedFailure } from '../../kernel/values/index.js';
import type { ParkedOwner } from '../delivery/index.js';
import { decodeEvent, MetadataWriter, type Origin, parkable, todaysEvent } from '../events/index.js';
import { concernedBy, type Delivery, originOf } from '../listening/index.js';
import type { RuntimeParts } from '../parts/index.js';
import { causeOf } from '../turn/index.js';
import type { DispatcherOwner } from './dispatcher-owner.js';

/**
 * Events that could be delivered to no actor: `to` threw or returned an invalid id, the actor could not be loaded, or
 * the event is no longer valid JSON. No actor's stream can hold them, so they are parked in the dispatcher's own
 * stream. So one of them does not block the others.
 */
export class Undelivered implements ParkedOwner {
  readonly #name: string;
  readonly #owner: DispatcherOwner;
  readonly #parts: RuntimeParts;

  /** @param name is the name of the dispatcher and of the stream. */
  constructor(name: string, owner: DispatcherOwner, parts: RuntimeParts) {
    this.#name = name;
    this.#owner = owner;
    this.#parts = parts;
  }

  /** @param actorId is empty if it is unknown. */
  async park(delivery: Delivery, actorId: string, error: unknown, attempts: number): Promise<void> {
    const { listener, at, record } = delivery;
    const data: ParkedData = {
      actor: this.#owner.actorName,
      actorId,
      listener,
      source: ALL_STREAMS,
      at,
      // The id is the same if it is parked twice, because a node died in between.
      id: `${this.#name}-${listener}-${at}`,
      ...parkable(record),
      error: storedFailure(error),
      attempts,
      by: this.#name,
    };
    await this.#store(PARKED_EVENT, data, originOf(delivery));
    this.#parts.telemetry?.parked(`${data.actor}.${listener}`);
    const where = `event ${record.version} of stream '${record.streamId}'`;
    this.#parts.log.error(
      `${data.actor} '${actorId}': '${listener}' parked '${record.name}' (${where}), because it could not be delivered`,
      error,
    );
  }

  /**
   * The parked events after this position, by `undeliveredKey`. The checkpoint is saved only now and then, so they
   * would be delivered again.
   */
  async after(position: number): Promise<ReadonlySet<string>> {
    const { engine, environment } = this.#parts;
    const parked = new Set<string>();
    const upTo = await engine.lastPosition();
    if (position >= upTo) return parked;
    for await (const page of storePages(engine, environment, position, [PARKED_EVENT])) {
      for (const record of page.events) {
        if (record.streamId === this.#name) parked.add(undeliveredKey(decodeEvent(record).data as ParkedData));
      }
      if (page.upTo >= upTo) break;
    }
    return parked;
  }

  /**
   * Delivers an event to the actor that it concerns according to today's code. That actor first takes the event over
   * into its own stream and remembers that. So it does not react twice if somebody else retries it at the same time, or
   * again after a crash.
   *
   * @throws whatever `to`, the loading or the listener throws; the event then stays parked.
   */
  async retry(parked: ParkedData): Promise<void> {
    const listen = this.#owner.listens.find(({ name, to }) => to && name === parked.listener);
    if (!listen?.to) {
      const message =
        `${this.#owner.actorName}: no listener with 'to' is called '${parked.listener}': was the method renamed? ` +
        'Restore the name, or discard the event';
      throw new OmniscientError('UNKNOWN_LISTENER', message);
    }
    const id = concernedBy(listen, todaysEvent(this.#owner.upcasts, parked.event));
    if (id !== undefined) {
      this.#owner.checkId(id);
      const { reactions } = await this.#owner.load(id);
      await reactions.adopt(parked);
      await reactions.retry(parked);
    }
    await this.#unpark(parked.id, 'retried');
  }

  discard(id: string): Promise<void> {
    return this.#unpark(id, 'discarded');
  }

  #unpark(id: string, outcome: UnparkedData['outcome']): Promise<void> {
    return this.#store(UNPARKED_EVENT, { actor: this.#owner.actorName, id, outcome } satisfies UnparkedData);
  }

  async #store(name: string, data: object, origin?: Origin): Promise<void> {
    const { clock, nodeId, ids, engine } = this.#parts;
    const metadata = new MetadataWriter(clock, this.#owner.actorName, nodeId, this.#name).write(
      causeOf(ids.next(), undefined, origin),
    );
    const event = { id: ids.next(), name, data: JSON.stringify(data), metadata };
    await engine.append({ streamId: this.#name, expectedVersion: 'any', events: [event] });
  }
}

/** The key of one event for one listener. */
export function undeliveredKey({ listener, at }: Pick<Delivery, 'listener' | 'at'>): string {
  return `${listener}\0${at}`;
}
