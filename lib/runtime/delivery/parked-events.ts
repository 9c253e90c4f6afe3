import { CoalescedWork, keptAlive } from '../../engine/environment/index.js';
import { storePages } from '../../engine/reading/index.js';
import { PARKED_EVENT, type ParkedData, UNPARKED_EVENT, type UnparkedData } from '../../kernel/framework/index.js';
import { type EventRecord, OmniscientError, type StoredEvent, type StoredFailure } from '../../kernel/values/index.js';
import { decodeEvent } from '../events/index.js';
import type { RuntimeParts } from '../parts/index.js';
import { SavedCheckpoint } from './saved-checkpoint.js';

/**
 * Events on which a reaction or a projection failed too often; injectable, for operators. Each is itself an event in
 * the stream of its owner, so it is as durable as the store and appears in the audit trail.
 */
export class ParkedEvents {
  readonly #parts: RuntimeParts;
  readonly #ownerOf: FindOwner;
  /** The position of each in the store. Its content is read on demand. */
  readonly #parked = new Map<string, number>();
  #position = 0;
  #checkpoint: SavedCheckpoint<ParkedPlaces> | undefined;
  #savedAt = 0;
  readonly #reading = new CoalescedWork(() => this.#readOn());

  constructor(parts: RuntimeParts, ownerOf: FindOwner) {
    this.#parts = parts;
    this.#ownerOf = ownerOf;
  }

  /** Lists everything that is parked now, oldest first. @throws EngineError. */
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

  /** Counts what is parked now. It reads only what is new in the store since the last call. @throws EngineError. */
  async count(): Promise<number> {
    await this.#reading.run();
    return this.#parked.size;
  }

  /** How many are known to be parked, without reading the store. */
  get known(): number {
    return this.#parked.size;
  }

  /**
   * Tries a parked event again. What a reaction fires then is stored once.
   *
   * @param id the `id` of a `ParkedEvent`.
   * @returns a promise that resolves when it worked and the event is no longer parked.
   * @throws OmniscientError (`NOT_PARKED`) when it is not parked, (`RETRY_UNDER_WAY`) when a projection is already
   *   retrying it, (`UNKNOWN_LISTENER`) when its listener no longer exists, (`EVENT_UNREADABLE`) when it is still not
   *   valid JSON; EngineError; whatever the listener throws. The event then stays parked.
   */
  retry(id: string): Promise<void> {
    return keptAlive(this.#parts.environment, this.#retry(id));
  }

  /**
   * Discards a parked event: it will not be handled.
   *
   * @param id the `id` of a `ParkedEvent`.
   * @throws OmniscientError (`NOT_PARKED`, `UNKNOWN_LISTENER`), EngineError.
   */
  discard(id: string): Promise<void> {
    return keptAlive(this.#parts.environment, this.#discard(id));
  }

  async #retry(id: string): Promise<void> {
    const { data, owner } = await this.#find(id);
    await owner.retry(data.unreadable ? await this.#restored(data) : data, () => this.#isParked(id));
  }

  /**
   * The event as it is in the store now. @throws OmniscientError (`EVENT_UNREADABLE`) if that has not changed since it
   * was parked.
   */
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
      `no event with id '${id}' is parked: it was retried or discarded before, or the id is wrong`,
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
    const message =
      `'${data.actor}' parked this event, but no actor class or projection of that name is registered here: ` +
      'register it, or call this on a node that has it';
    throw new OmniscientError('UNKNOWN_LISTENER', message);
  }

  /** Reads on from the last position to the present end of the store. */
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

  /** Begins at the position that this or another process saved last. */
  async #begin(upTo: number): Promise<SavedCheckpoint<ParkedPlaces>> {
    const checkpoint = await SavedCheckpoint.open<ParkedPlaces>(this.#parts, CHECKPOINT, { position: 0, parked: [] });
    const { position, parked } = checkpoint.value;
    // A checkpoint ahead of the store belongs to another past.
    if (position > upTo) return checkpoint;
    for (const [id, place] of parked) this.#parked.set(id, place);
    this.#position = position;
    this.#savedAt = position;
    return checkpoint;
  }

  /** Saving only saves time later, so a failure, or another process being first, does no harm. */
  async #save(checkpoint: SavedCheckpoint<ParkedPlaces>): Promise<void> {
    this.#savedAt = this.#position;
    if (this.#parked.size > SAVED_MAX) return;
    try {
      const isSaved = await checkpoint.save({ position: this.#position, parked: [...this.#parked] });
      if (!isSaved) this.#checkpoint = await SavedCheckpoint.open(this.#parts, CHECKPOINT, checkpoint.value);
    } catch (error) {
      this.#parts.log.warn('the list of parked events could not be saved; saving is retried', error);
    }
  }

  #apply(record: EventRecord): void {
    const { id } = decodeEvent(record).data as ParkedData | UnparkedData;
    if (record.name === UNPARKED_EVENT) this.#parked.delete(id);
    else this.#parked.set(id, record.position);
  }
}

/** The checkpoint with the known parked events, so that a new process need not read all past events. */
const CHECKPOINT = '$parked';
/** After how many positions of the store it is saved. */
const SAVE_AFTER_POSITIONS = 10_000;
/** A list with more events than this is not saved. */
const SAVED_MAX = 10_000;
/** How many events are read at the same time. */
const READS_MAX = 32;

/** The events that are parked at a position of the store: their ids and positions. */
interface ParkedPlaces {
  readonly position: number;
  readonly parked: readonly (readonly [id: string, position: number])[];
}

/** An event that was put aside because handling it failed too often. */
export interface ParkedEvent {
  readonly id: string;
  /** The actor class or the projection, and its method, as in `Invoice.onPaid`. */
  readonly listener: string;
  /** The actor's id; for a projection, the generation of its read model. */
  readonly actorId?: string;
  /**
   * The event. If it could not be handled because it is no longer valid JSON in the store, its `data` is `null` and its
   * `metadata` empty.
   */
  readonly event: StoredEvent;
  readonly error: StoredFailure;
  /** How often it was tried. */
  readonly attempts: number;
  /** When it was parked, as an ISO 8601 time. */
  readonly parkedAt: string;
}

/** What retries parked events: an actor, a projection or a dispatcher. */
export interface ParkedOwner {
  /** @param isParked returns whether it is still parked, according to the store. */
  retry(parked: ParkedData, isParked: () => Promise<boolean>): Promise<void>;
  discard(id: string): Promise<void>;
}

/** Finds the owner of a parked event, by its content and its stream. */
type FindOwner = (parked: ParkedData, streamId: string) => Promise<ParkedOwner | undefined>;

function parkedEvent(record: EventRecord): ParkedEvent {
  const { data, metadata } = decodeEvent(record);
  const { id, actor, actorId, listener, event, error, attempts } = data as ParkedData;
  return { id, listener: `${actor}.${listener}`, actorId, event, error, attempts, parkedAt: metadata.at };
}
