import { EngineError, type EventRecord } from '../../../kernel/values/index.js';

/** A commit as it is stored. Its key is made of its stream and the version of its first event. */
export interface CommitDocument {
  readonly id: string;
  readonly stream: string;
  readonly first: number;
  readonly last: number;
  readonly events: readonly { id: string; name: string; data: string; metadata: string }[];
}

/** The server refuses arrays longer than its default, unless a query raises the limit. */
export const ARRAYS = { arrayLimit: 1_000_000 };

/**
 * How much of an answer with commits comes in one part: about a megabyte, or one commit that is larger. If commits are
 * small, a part holds a whole page of them.
 */
export const PARTS = { ...ARRAYS, minBatchRows: 1, firstBatchScaledownFactor: 1, maxBatchBytes: 1024 * 1024 };

/**
 * Payload and metadata in one page of events, in UTF-16 code units. A page ends with the commit that goes beyond, so
 * that large events do not fill the memory.
 */
export const PAGE_LENGTH_MAX = 1024 * 1024;

/** The length of these events' payload and metadata, in UTF-16 code units. */
export function lengthOf(events: readonly EventRecord[]): number {
  let length = 0;
  for (const { data, metadata } of events) length += data.length + metadata.length;
  return length;
}

/** Returns the events of a commit. @throws EngineError (`COMMIT_UNREADABLE`). */
export function recordsOf(commit: CommitDocument, streamId: string): EventRecord[] {
  const { id: key, stream, first, last, events } = commit;
  if (stream !== streamId) throw unreadable(key, `it says that it belongs to stream '${String(stream)}'`);
  if (!Array.isArray(events) || events.length === 0 || last !== first + events.length - 1) {
    throw unreadable(key, 'its events and its versions do not agree');
  }
  return events.map(({ id, name, data, metadata }, i) => {
    if (![id, name, data, metadata].every((each) => typeof each === 'string')) {
      throw unreadable(key, `event ${first + i} has no id, name, data or metadata`);
    }
    return { id, streamId, version: first + i, position: 0, name, data, metadata };
  });
}

export function unreadable(key: string, why: string): EngineError {
  return new EngineError(
    'COMMIT_UNREADABLE',
    `RethinkDB: document '${key}' of table 'commits' was changed by hand or lost (${why}): restore it from a backup`,
  );
}
