import { CoalescedWork } from '../../engine/environment/coalesced-work.js';
import { keptAlive } from '../../engine/environment/environment.js';
import { storePages } from '../../engine/reading/paging.js';
import {
  PARKED_EVENT,
  type ParkedData,
  UNPARKED_EVENT,
  type UnparkedData,
} from '../../kernel/framework/listening-state.js';
import { OmniscientError } from '../../kernel/values/errors.js';
import type { EventRecord, StoredEvent } from '../../kernel/values/event.js';
import type { StoredFailure } from '../../kernel/values/thrown.js';
import { decodeEvent } from '../events/event-codec.js';
import type { RuntimeParts } from '../parts/settings.js';
import { SavedCheckpoint } from './saved-checkpoint.js';

/**
 * Events on which a reaction or a projection failed too often: injectable, for operators. They are events themselves, in the stream of whoever failed, so they
 * survive everything that the store survives, and show in the audit trail.
 */
export class ParkedEvents {
  readonly #parts: RuntimeParts;
  readonly #ownerOf: FindOwner;
  /** Where each is in the store; what it says is read when somebody asks. */
  readonly #parked = new Map<string, number>();
  #position = 0;
  #checkpoint: SavedCheckpoint<ParkedPlaces> | undefined;
  #savedAt = 0;
  readonly #reading = new CoalescedWork(() => this.#readOn());

  constructor(parts: RuntimeParts, ownerOf: FindOwner) {
    this.#parts = parts;
    this.#ownerOf = ownerOf;
  }

  /** All that is parked now, oldest first. @throws EngineError. */
  async list(): Promise<ParkedEvent[]> {
    await this.#reading.run();
    const places = [...this.#parked.values()];
    const listed: ParkedEvent[] = [];
    for (let at = 0; at < places.length; at += READS_MAX) {
      const records = await Promise.all(places.slice(at, at + READS_MAX).map((place) => this.#recordAt(place)));
      listed.push(...records.map(parkedEvent));
    }
    return listed;
  }

  /** How many are parked now. Reads only what is new in the store since somebody last asked. @throws EngineError. */
  async count(): Promise<number> {
    await this.#reading.run();
    return this.#parked.size;
  }

  /** How many are known to be parked, without a look at the store. */
  get known(): number {
    return this.#parked.size;
  }

  /**
   * Reacts to it after all; what that fires is stored once.
   *
   * @throws what the listener throws, and it stays parked; OmniscientError (`NOT_PARKED`; `RETRY_UNDER_WAY`, if a projection handles it already for another
   *   who asked).
   */
  retry(id: string): Promise<void> {
    return keptAlive(this.#parts.environment, this.#retry(id));
  }

  /** Decides that it need not be reacted to. @throws OmniscientError (`NOT_PARKED`). */
  discard(id: string): Promise<void> {
    return keptAlive(this.#parts.environment, this.#discard(id));
  }

  async #retry(id: string): Promise<void> {
    const { data, owner } = await this.#find(id);
    await owner.retry(data.unreadable ? await this.#restored(data) : data, () => this.#isParked(id));
  }

  /** As it is in the store now. @throws OmniscientError (`EVENT_UNREADABLE`) where it is as it was when it was parked. */
  async #restored({ unreadable: _, ...parked }: ParkedData): Promise<ParkedData> {
    const { streamId, version, position = 0 } = parked.event;
    const [record] = await this.#parts.engine.readStream(streamId, version - 1, 1);
    if (record) return { ...parked, event: decodeEvent({ ...record, position }) };
    const message = `event ${version} of stream '${streamId}' is not in the store any more: restore it from a backup`;
    throw new OmniscientError('EVENT_UNREADABLE', message);
  }

  async #discard(id: string): Promise<void> {
    const { owner } = await this.#find(id);
    await owner.discard(id);
  }

  async #find(id: string): Promise<{ data: ParkedData; owner: ParkedOwner }> {
    await this.#reading.run();
    const place = this.#parked.get(id);
    if (place !== undefined) return this.#owned(await this.#recordAt(place));
    throw new OmniscientError(
      'NOT_PARKED',
      `no event with id '${id}' is parked: it was retried or discarded, or never was`,
    );
  }

  async #isParked(id: string): Promise<boolean> {
    await this.#reading.run();
    return this.#parked.has(id);
  }

  async #recordAt(position: number): Promise<EventRecord> {
    const { events } = await this.#parts.engine.readAll(position - 1, 1, [PARKED_EVENT]);
    const [record] = events;
    if (record?.position === position) return record;
    const message = `there is no parked event at position ${position} any more: was the store restored or replaced?`;
    throw new OmniscientError('EVENT_UNREADABLE', message);
  }

  async #owned(record: EventRecord): Promise<{ data: ParkedData; owner: ParkedOwner }> {
    const data = decodeEvent(record).data as ParkedData;
    const owner = await this.#ownerOf(data, record.streamId);
    if (owner) return { data, owner };
    const message = `'${data.actor}' parked it, and there is no actor class and no projection of that name here any more`;
    throw new OmniscientError('UNKNOWN_LISTENER', message);
  }

  /** Reads on from where it was read last, up to what is stored now. */
  async #readOn(): Promise<void> {
    const { engine, environment } = this.#parts;
    const upTo = await engine.lastPosition();
    this.#checkpoint ??= await this.#begin(upTo);
    if (this.#position < upTo) {
      for await (const page of storePages(engine, environment, this.#position, [PARKED_EVENT, UNPARKED_EVENT])) {
        for (const record of page.events) this.#apply(record);
        this.#position = page.upTo;
        if (page.upTo >= upTo) break;
      }
    }
    if (this.#position - this.#savedAt >= SAVE_AFTER_POSITIONS) await this.#save(this.#checkpoint);
  }

  /** Begins where this or another process was when it last saved that. */
  async #begin(upTo: number): Promise<SavedCheckpoint<ParkedPlaces>> {
    const checkpoint = await SavedCheckpoint.open<ParkedPlaces>(this.#parts, CHECKPOINT, { position: 0, parked: [] });
    const { position, parked } = checkpoint.value;
    // One that is ahead of the store is of another past.
    if (position > upTo) return checkpoint;
    for (const [id, place] of parked) this.#parked.set(id, place);
    this.#position = position;
    this.#savedAt = position;
    return checkpoint;
  }

  /** Only saves time: whoever fails, or is not the first, need not care. */
  async #save(checkpoint: SavedCheckpoint<ParkedPlaces>): Promise<void> {
    this.#savedAt = this.#position;
    if (this.#parked.size > SAVED_MAX) return;
    try {
      const isSaved = await checkpoint.save({ position: this.#position, parked: [...this.#parked] });
      if (!isSaved) this.#checkpoint = await SavedCheckpoint.open(this.#parts, CHECKPOINT, checkpoint.value);
    } catch (error) {
      this.#parts.log.warn('it could not be saved which events are parked; it is tried again', error);
    }
  }

  #apply(record: EventRecord): void {
    const { id } = decodeEvent(record).data as ParkedData | UnparkedData;
    if (record.name === UNPARKED_EVENT) this.#parked.delete(id);
    else this.#parked.set(id, record.position);
  }
}

/** What is known of parked events is kept under this name, for a process that starts not to read the whole past. */
const CHECKPOINT = '$parked';
/** It is saved once in so many positions of the store. */
const SAVE_AFTER_POSITIONS = 10_000;
/** A longer list is not saved. Events. */
const SAVED_MAX = 10_000;
/** Events that are read at the same time. */
const READS_MAX = 32;

/** Which events are parked at a position of the store: their ids, and where they are. */
interface ParkedPlaces {
  readonly position: number;
  readonly parked: readonly (readonly [id: string, position: number])[];
}

/** An event that was put aside because it could not be reacted to. */
export interface ParkedEvent {
  readonly id: string;
  /** Name of the actor class, or of the projection, and its method. */
  readonly listener: string;
  /** Of an actor. */
  readonly actorId?: string;
  /** Its `data` is `null` and its `metadata` empty where it could not be reacted to because it is no longer JSON in the store. */
  readonly event: StoredEvent;
  readonly error: StoredFailure;
  /** How often it was tried. */
  readonly attempts: number;
  /** ISO 8601. */
  readonly parkedAt: string;
}

/** Where parked events are tried again: an actor or a projection. */
export interface ParkedOwner {
  /** @param isParked whether it is still, by what is stored now. */
  retry(parked: ParkedData, isParked: () => Promise<boolean>): Promise<void>;
  discard(id: string): Promise<void>;
}

/** Finds who parked it, by what it says and by the stream that it is in. */
type FindOwner = (parked: ParkedData, streamId: string) => Promise<ParkedOwner | undefined>;

function parkedEvent(record: EventRecord): ParkedEvent {
  const { data, metadata } = decodeEvent(record);
  const { id, actor, actorId, listener, event, error, attempts } = data as ParkedData;
  return { id, listener: `${actor}.${listener}`, actorId, event, error, attempts, parkedAt: metadata.at };
}
