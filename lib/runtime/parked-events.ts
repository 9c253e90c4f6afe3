import { READ_PAGE_EVENTS_MAX } from '../engine/read.js';
import { OmniscientError } from '../kernel/errors.js';
import type { EventMetadata, EventRecord, StoredEvent } from '../kernel/event.js';
import {
  PARKED_EVENT,
  type ParkedData,
  type StoredFailure,
  UNPARKED_EVENT,
  type UnparkedData,
} from '../kernel/hearing.js';
import type { RuntimeParts } from './settings.js';

/** An event that was put aside because it could not be reacted to. */
export interface ParkedEvent {
  readonly id: string;
  /** Name of the actor class, or of the projection, and its method. */
  readonly listener: string;
  /** Of an actor. */
  readonly actorId?: string;
  readonly event: StoredEvent;
  readonly error: StoredFailure;
  /** How often it was tried. */
  readonly attempts: number;
  /** ISO 8601. */
  readonly parkedAt: string;
}

/** Where parked events are tried again: an actor or a projection. */
export interface ParkedOwner {
  retry(parked: ParkedData): Promise<void>;
  discard(id: string): Promise<void>;
}

/**
 * Events on which a reaction or a projection failed too often: injectable, for operators. They are events themselves, in the stream of whoever failed, so they
 * survive everything that the store survives, and show in the audit trail.
 */
export class ParkedEvents {
  readonly #parts: RuntimeParts;
  readonly #ownerOf: (parked: ParkedData) => Promise<ParkedOwner | undefined>;
  readonly #parked = new Map<string, { readonly data: ParkedData; readonly at: string }>();
  #position = 0;
  #reading: Promise<void> | undefined;

  constructor(parts: RuntimeParts, ownerOf: (parked: ParkedData) => Promise<ParkedOwner | undefined>) {
    this.#parts = parts;
    this.#ownerOf = ownerOf;
  }

  /** All that is parked now, oldest first. @throws EngineError. */
  async list(): Promise<ParkedEvent[]> {
    await this.#read();
    return [...this.#parked.values()].map(({ data, at }) => {
      const { id, actor, actorId, listener, event, error, attempts } = data;
      return { id, listener: `${actor}.${listener}`, actorId, event, error, attempts, parkedAt: at };
    });
  }

  /** Reacts to it after all; what that fires is stored once. @throws what the listener throws, and it stays parked; OmniscientError (`NOT_PARKED`). */
  async retry(id: string): Promise<void> {
    const data = await this.#find(id);
    await (await this.#owner(data)).retry(data);
  }

  /** Decides that it need not be reacted to. @throws OmniscientError (`NOT_PARKED`). */
  async discard(id: string): Promise<void> {
    const data = await this.#find(id);
    await (await this.#owner(data)).discard(id);
  }

  async #find(id: string): Promise<ParkedData> {
    await this.#read();
    const found = this.#parked.get(id);
    if (found) return found.data;
    throw new OmniscientError(
      'NOT_PARKED',
      `no event with id '${id}' is parked: it was retried or discarded, or never was`,
    );
  }

  async #owner(data: ParkedData): Promise<ParkedOwner> {
    const owner = await this.#ownerOf(data);
    if (owner) return owner;
    const message = `'${data.actor}' parked it, and there is no actor class and no projection of that name here any more`;
    throw new OmniscientError('UNKNOWN_LISTENER', message);
  }

  /** Reads on from where it was read last. */
  #read(): Promise<void> {
    this.#reading ??= this.#readOn().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOn(): Promise<void> {
    const { engine } = this.#parts;
    const upTo = await engine.lastPosition();
    while (this.#position < upTo) {
      const page = await engine.readAll(this.#position, READ_PAGE_EVENTS_MAX, [PARKED_EVENT, UNPARKED_EVENT]);
      for (const record of page) this.#apply(record);
      this.#position = page.at(-1)?.position ?? upTo;
    }
  }

  #apply(record: EventRecord): void {
    const { id } = JSON.parse(record.data) as ParkedData | UnparkedData;
    if (record.name === UNPARKED_EVENT) this.#parked.delete(id);
    else {
      const { at } = JSON.parse(record.metadata) as EventMetadata;
      this.#parked.set(id, { data: JSON.parse(record.data) as ParkedData, at });
    }
  }
}
