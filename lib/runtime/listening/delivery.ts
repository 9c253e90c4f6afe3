import {
  HEARD_EVENT,
  type HeardData,
  heardPlace,
  LISTENING_EVENT,
  type ListeningData,
  PARKED_EVENT,
  type ParkedData,
} from '../../kernel/framework/index.js';
import type { EventRecord, NewEvent } from '../../kernel/values/index.js';
import { metadataOf, type Origin } from '../events/index.js';

/** An event on its way to a listener. */
export interface Delivery {
  readonly listener: string;
  readonly source: string;
  /** The version in the source's stream; the position, for event names. */
  readonly at: number;
  readonly record: EventRecord;
}

/** A parked event, as the listener got it. */
export function parkedDelivery({ listener, source, at, event }: ParkedData): Delivery {
  const { data, metadata, position = 0, ...rest } = event;
  const record = { ...rest, position, data: JSON.stringify(data), metadata: JSON.stringify(metadata) };
  return { listener, source, at, record };
}

/** The cause that the audit trail records. */
export function originOf({ record }: Delivery): Origin {
  const { correlationId, traceparent } = metadataOf(record);
  return { correlationId, causationId: record.id, traceparent };
}

/**
 * Returns a function that finds, in an event of the actor, how far the source was heard or where listening to it began;
 * `undefined` if the event is about something else.
 */
export function placeFinder(actor: string, listener: string, source: string): (event: NewEvent) => number | undefined {
  const noted = heardPlace(listener, source);
  return (event) => noted(event.metadata) ?? placeIn(event, actor, listener, source);
}

function placeIn({ name, data }: NewEvent, actor: string, listener: string, source: string): number | undefined {
  if (name !== HEARD_EVENT && name !== PARKED_EVENT && name !== LISTENING_EVENT) return undefined;
  const content = JSON.parse(data) as HeardData | ListeningData;
  if (content.actor !== actor || content.listener !== listener || 'adopted' in content) return undefined;
  if ('at' in content) return content.source === source ? content.at : undefined;
  return content.begin.find((begun) => begun.source === source)?.after;
}

/**
 * When the event was fired, by the clock of the node that stored it. Milliseconds since 1970; NaN if that cannot be
 * read.
 */
export function firedAtMs({ record }: Delivery): number {
  return Date.parse(metadataOf(record).at ?? '');
}

/** The event's name and place, for the log. */
export function nameOf({ record }: Delivery): string {
  return `'${record.name}' (event ${record.version} of stream '${record.streamId}')`;
}
