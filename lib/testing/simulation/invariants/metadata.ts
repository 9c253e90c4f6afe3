import type { EventMetadata, EventRecord } from '../../../kernel/values/index.js';

/** Returns an event's metadata, parsed once for all invariants. */
export function metadataOf(record: EventRecord): EventMetadata {
  const known = parsed.get(record);
  if (known) return known;
  const metadata = JSON.parse(record.metadata) as EventMetadata;
  parsed.set(record, metadata);
  return metadata;
}

const parsed = new WeakMap<EventRecord, EventMetadata>();
