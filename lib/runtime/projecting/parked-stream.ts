import { storePages, streamPages } from '../../engine/reading/index.js';
import { appendWithRetry } from '../../engine/writing/index.js';
import type { ProjectionDefinition } from '../../kernel/defining/index.js';
import {
  ALL_STREAMS,
  PARKED_EVENT,
  type ParkedData,
  UNPARKED_EVENT,
  type UnparkedData,
} from '../../kernel/framework/index.js';
import { type EventRecord, storedFailure } from '../../kernel/values/index.js';
import { decodeEvent, MetadataWriter, parkable } from '../events/index.js';
import type { RuntimeParts } from '../parts/index.js';
import { causeOf } from '../turn/index.js';
import type { ProcessorPosition } from './event-processor.js';

/** The parked events of one projection, as events in a stream of its own. */
export class ParkedStream {
  readonly #streamId: string;
  readonly #definition: ProjectionDefinition;
  readonly #parts: RuntimeParts;

  constructor(streamId: string, definition: ProjectionDefinition, parts: RuntimeParts) {
    this.#streamId = streamId;
    this.#definition = definition;
    this.#parts = parts;
  }

  async park(
    record: EventRecord,
    { generation, position }: ProcessorPosition,
    error: unknown,
    attempts: number,
  ): Promise<void> {
    const data: ParkedData = {
      actor: this.#definition.name,
      actorId: String(generation),
      listener: this.#definition.handlers.get(record.name) ?? record.name,
      source: ALL_STREAMS,
      at: record.position,
      // The id is the same if it is parked twice, because a node died in between.
      id: `${this.#definition.name}-${generation}-${record.position}`,
      ...parkable(record),
      error: storedFailure(error),
      attempts,
      after: position,
    };
    await this.#store(PARKED_EVENT, [data], 0);
    this.#parts.telemetry?.parked(`${data.actor}.${data.listener}`);
  }

  /** @param triesForMs how long to retry while the engine cannot be reached, in milliseconds; 0 for no retry. */
  async unpark(ids: readonly string[], outcome: UnparkedData['outcome'], triesForMs = 0): Promise<void> {
    const all = ids.map((id): UnparkedData => ({ actor: this.#definition.name, id, outcome }));
    for (let at = 0; at < all.length; at += UNPARKED_EVENTS_MAX) {
      await this.#store(UNPARKED_EVENT, all.slice(at, at + UNPARKED_EVENTS_MAX), triesForMs);
    }
  }

  /**
   * The positions after this one at which this read model parked events when it was here before, whatever happened to
   * them since. A read model stores no position for parked events, so it would get them again. A read model that begins
   * empty, or was restored from a backup, was not here then, and needs them.
   */
  async aside({ generation, position }: ProcessorPosition): Promise<ReadonlySet<number>> {
    const aside = new Set<number>();
    if (position === 0) return aside;
    const { engine, environment } = this.#parts;
    for await (const { events } of storePages(engine, environment, position, [PARKED_EVENT])) {
      for (const record of events) {
        if (record.streamId !== this.#streamId) continue;
        const { actorId, at, after } = decodeEvent(record).data as ParkedData;
        const wasHere = after !== undefined && after <= position;
        if (wasHere && at > position && Number(actorId) === generation) aside.add(at);
      }
    }
    return aside;
  }

  /** The ids of events that earlier read models parked and that are still parked. */
  async parkedBefore(generation: number): Promise<string[]> {
    const parked = new Set<string>();
    const { engine, environment } = this.#parts;
    for await (const page of streamPages(engine, environment, this.#streamId, 0)) {
      for (const record of page) {
        const { name } = record;
        if (name !== PARKED_EVENT && name !== UNPARKED_EVENT) continue;
        const { id, actorId } = decodeEvent(record).data as ParkedData;
        if (name === UNPARKED_EVENT) parked.delete(id);
        else if (Number(actorId) < generation) parked.add(id);
      }
    }
    return [...parked];
  }

  async #store(name: string, all: readonly object[], triesForMs: number): Promise<void> {
    const { clock, nodeId, ids, engine, environment } = this.#parts;
    const writer = new MetadataWriter(clock, this.#definition.name, nodeId, this.#streamId);
    const metadata = writer.write(causeOf(ids.next(), undefined));
    const events = all.map((data) => ({ id: ids.next(), name, data: JSON.stringify(data), metadata }));
    const endMs = environment.monotonicMs() + triesForMs;
    await appendWithRetry(
      engine,
      { streamId: this.#streamId, expectedVersion: 'any', events },
      { lastSeenVersion: 0, stopped: () => environment.monotonicMs() >= endMs, environment },
    );
  }
}

/** How many events are unparked in one append. */
const UNPARKED_EVENTS_MAX = 100;
