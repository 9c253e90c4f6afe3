import type { EventRecord, NewEvent } from '../../kernel/values/index.js';

/** One commit. The engine stores all of its events, or none. */
export interface AppendRequest {
  readonly streamId: string;
  /** The last version that the writer saw; 0 for an empty stream. `'any'` appends at whatever version comes next. */
  readonly expectedVersion: number | 'any';
  /** The events to store, at least one. */
  readonly events: readonly NewEvent[];
}

/** The commit was stored. `version` is that of its first event; the others follow without a gap. */
export interface Appended {
  readonly kind: 'appended';
  readonly version: number;
}

/**
 * Nothing was stored, because the stream is not at `expectedVersion`. `events` are those after `expectedVersion`,
 * oldest first, read in the same round trip. They are at most `CONFLICT_EVENTS_MAX`, so there may be more to read.
 * `version` is the stream's current version. It is below `expectedVersion` (and `events` is empty) only when the store
 * has lost events that the writer once saw.
 */
export interface AppendConflict {
  readonly kind: 'conflict';
  readonly version: number;
  readonly events: readonly EventRecord[];
}

/** The outcome of an append: stored, or a conflict with events that others stored first. */
export type AppendResult = Appended | AppendConflict;

/** Most events that a conflict carries. */
export const CONFLICT_EVENTS_MAX = 1_000;

/** The append duty of an engine: it stores a commit, all of it or nothing. */
export interface AppendDuty {
  /**
   * Stores one commit atomically.
   *
   * Resolves when the events are durable: they would survive a power cut, as far as the engine promises that. The
   * engine batches concurrent appends.
   *
   * After an error with `outcomeUnknown`, the events may be stored, or the write may still be under way. Such a write
   * may land only at the version that it was sent for, even if the request asked for `'any'`. A caller that searches
   * the stream and then tries again at that version therefore collides with it, and nothing is stored twice.
   *
   * @throws EngineError. `retryable` says that the same call may succeed later; `outcomeUnknown`, that the events may
   * be stored.
   */
  append(request: AppendRequest): Promise<AppendResult>;
}
