import type { Upcasts } from '../../kernel/defining/index.js';
import type { ParkedData } from '../../kernel/framework/index.js';
import {
  type Clock,
  type EventMetadata,
  type EventRecord,
  type NewEvent,
  OmniscientError,
  type StoredEvent,
} from '../../kernel/values/index.js';
import type { RequestCause } from './cause.js';

/** An event as users get it: parsed and deep-frozen. @throws OmniscientError (`EVENT_UNREADABLE`). */
export function decodeEvent(record: EventRecord): StoredEvent {
  const { id, streamId, version, position, name } = record;
  const data = parseFrozen(record, record.data);
  const metadata = parseFrozen(record, record.metadata) as StoredEvent['metadata'];
  return Object.freeze(
    position > 0
      ? { id, streamId, version, position, name, data, metadata }
      : { id, streamId, version, name, data, metadata },
  );
}

/**
 * The part of an event that is parked. An event that is no longer valid JSON is parked without its texts; a retry reads
 * it from the store.
 */
export function parkable(record: EventRecord): Pick<ParkedData, 'event' | 'unreadable'> {
  try {
    return { event: decodeEvent(record) };
  } catch {
    const { id, streamId, version, position, name } = record;
    return {
      event: { id, streamId, version, position, name, data: null, metadata: {} as EventMetadata },
      unreadable: true,
    };
  }
}

/** An event's metadata; empty if it is no longer valid JSON. */
export function metadataOf({ metadata }: Pick<NewEvent, 'metadata'>): Partial<EventMetadata> {
  try {
    return (JSON.parse(metadata) as EventMetadata | null) ?? {};
  } catch {
    return {};
  }
}

/**
 * An event in the class's present form; unchanged if it is not an old one. @throws OmniscientError (`UPCAST_FAILED`).
 */
export function todaysEvent(upcasts: Upcasts, event: StoredEvent): StoredEvent {
  if (!upcasts.has(event.name)) return event;
  // Upcasts get a payload of their own, as in the fold.
  const { name, data } = upcasts.apply(event.name, structuredClone(event.data), event);
  return Object.freeze({ ...event, name, data: deepFreeze(data) });
}

/** A clock that is behind by no more than this counts as correct. Milliseconds. */
const CLOCK_BEHIND_MS_MAX = 100;

/** Writes the metadata of one activation's events. Everything but the time and the cause is the same text each time. */
export class MetadataWriter {
  readonly #clock: Clock;
  readonly #middle: string;

  constructor(clock: Clock, actor: string, nodeId: string, activationId: string) {
    this.#clock = clock;
    this.#middle = `,"actor":${JSON.stringify(actor)},"firedBy":${JSON.stringify({ nodeId, activationId })},"commandId":`;
  }

  /**
   * @param notBeforeMs the earliest time to record. If the clock is behind it, the clock's time is recorded as well.
   * @param heard the result of `heardText`, or empty; it has to be the last property.
   * @throws OmniscientError (`INVALID_METADATA`) when an id is not a string, because the stream would become
   *   unreadable.
   */
  write(cause: RequestCause, notBeforeMs = 0, heard = ''): string {
    const { commandId, correlationId, causationId, traceparent } = cause;
    if (typeof commandId !== 'string') throw invalidId('commandId', commandId);
    if (typeof correlationId !== 'string') throw invalidId('correlationId', correlationId);
    if (typeof causationId !== 'string' && causationId !== null) throw invalidId('causationId', causationId);
    const nowMs = this.#clock.now();
    const clock = notBeforeMs - nowMs > CLOCK_BEHIND_MS_MAX ? `,"clock":"${new Date(nowMs).toISOString()}"` : '';
    return (
      `{"at":"${isoTimeOf(Math.max(nowMs, notBeforeMs))}"${clock}${this.#middle}${JSON.stringify(commandId)},"correlationId":${JSON.stringify(correlationId)},` +
      `"causationId":${JSON.stringify(causationId)}${traceparent ? `,"traceparent":${JSON.stringify(`${traceparent}`)}` : ''}${heard}}`
    );
  }
}

function invalidId(what: string, id: unknown): OmniscientError {
  return new OmniscientError(
    'INVALID_METADATA',
    `an event's ${what} must be a string, but is ${id === null ? 'null' : typeof id}: make next() of the option 'ids' return strings`,
  );
}

let latestMs = Number.NaN;
let latestText = '';

/** The time as ISO 8601. It is computed once for each millisecond. */
function isoTimeOf(ms: number): string {
  if (ms !== latestMs) {
    latestText = new Date(ms).toISOString();
    latestMs = ms;
  }
  return latestText;
}

/** The approximate size of a commit's events in bytes, for limits. */
export function sizeOf(events: readonly NewEvent[]): number {
  let size = 0;
  for (const event of events) size += event.data.length + event.metadata.length;
  return size;
}

function parseFrozen(record: EventRecord, text: string): unknown {
  try {
    return deepFreeze(JSON.parse(text));
  } catch (cause) {
    throw new OmniscientError(
      'EVENT_UNREADABLE',
      `event ${record.version} of stream '${record.streamId}' ('${record.name}') is no longer valid JSON in the store: restore it from a backup`,
      { cause },
    );
  }
}

function deepFreeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  for (const key of Object.keys(value)) deepFreeze((value as Record<string, unknown>)[key]);
  return Object.freeze(value);
}
