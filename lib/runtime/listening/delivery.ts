import { heardPlace } from '../../kernel/framework/heard-note.js';
import {
  HEARD_EVENT,
  type HeardData,
  LISTENING_EVENT,
  type ListeningData,
  PARKED_EVENT,
  type ParkedData,
} from '../../kernel/framework/listening-state.js';
import type { EventRecord, NewEvent } from '../../kernel/values/event.js';
import type { Origin } from '../events/cause.js';
import { metadataOf } from '../events/event-codec.js';

/** An event on its way to a listener. */
export interface Delivery {
  readonly listener: string;
  readonly source: string;
  /** Version in the source's stream; position, for names. */
  readonly at: number;
  readonly record: EventRecord;
}

/** The event as the listener got it. */
export function parkedDelivery({ listener, source, at, event }: ParkedData): Delivery {
  const { data, metadata, position = 0, ...rest } = event;
  const record = { ...rest, position, data: JSON.stringify(data), metadata: JSON.stringify(metadata) };
  return { listener, source, at, record };
}

/** What the audit trail says led to it. */
export function originOf({ record }: Delivery): Origin {
  const { correlationId, traceparent } = metadataOf(record);
  return { correlationId, causationId: record.id, traceparent };
}

/**
 * Finds up to where an event of the actor's own says that the source was heard, or that listening to it began; `undefined` if it is about something
 * else.
 */
export function placeFinder(actor: string, listener: string, source: string): (event: NewEvent) => number | undefined {
  const noted = heardPlace(listener, source);
  return (event) => noted(event.metadata) ?? placeIn(event, actor, listener, source);
}

function placeIn({ name, data }: NewEvent, actor: string, listener: string, source: string): number | undefined {
  if (name !== HEARD_EVENT && name !== PARKED_EVENT && name !== LISTENING_EVENT) return undefined;
  const told = JSON.parse(data) as HeardData | ListeningData;
  if (told.actor !== actor || told.listener !== listener || 'adopted' in told) return undefined;
  if ('at' in told) return told.source === source ? told.at : undefined;
  return told.begin.find((begun) => begun.source === source)?.after;
}

/** By the clock of the node that stored it. Milliseconds since 1970; NaN where that can't be read. */
export function firedAtMs({ record }: Delivery): number {
  return Date.parse(metadataOf(record).at ?? '');
}

/** For the log. */
export function nameOf({ record }: Delivery): string {
  return `'${record.name}' (event ${record.version} of stream '${record.streamId}')`;
}
