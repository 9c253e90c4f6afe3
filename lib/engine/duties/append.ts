import type { EventRecord, NewEvent } from '../../kernel/values/event.js';

/** One commit: all its events or none. */
export interface AppendRequest {
  readonly streamId: string;
  /** The version the writer saw last; 0 for an empty stream; `'any'` to append at whatever version comes next. */
  readonly expectedVersion: number | 'any';
  /** At least one. */
  readonly events: readonly NewEvent[];
}

/** Stored: `version` is that of the first event; the others follow without a hole. */
export interface Appended {
  readonly kind: 'appended';
  readonly version: number;
}

/**
 * Nothing was stored, because the stream is not at `expectedVersion`. `events` are those after `expectedVersion`, oldest first, read in
 * the same round trip: at most `CONFLICT_EVENTS_MAX`, so there may be more to read. `version` is the stream's version now; it is below
 * `expectedVersion` (and `events` is empty) only when the store has lost what the writer once saw.
 */
export interface AppendConflict {
  readonly kind: 'conflict';
  readonly version: number;
  readonly events: readonly EventRecord[];
}

/** What became of an append: stored, or others were there first. */
export type AppendResult = Appended | AppendConflict;

/** Most events a conflict carries. */
export const CONFLICT_EVENTS_MAX = 1_000;

/** The first duty of an engine: to store a commit, all of it or nothing. */
export interface AppendDuty {
  /**
   * Atomic and durable: resolves when the events would survive a power cut (as far as the engine promises that).
   * Concurrent appends are batched by the engine. Throws `EngineError`; `outcomeUnknown` on it says that the events may be stored.
   * What is still under way then may land only at the version it was sent for, also when any version was asked for: whoever searches for it
   * and tries again at that version collides with it.
   */
  append(request: AppendRequest): Promise<AppendResult>;
}
