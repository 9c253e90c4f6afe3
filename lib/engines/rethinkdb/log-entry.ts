import { EngineError } from '../../kernel/errors.js';

/** A commit and the place where it is. */
export interface PlacedCommit {
  readonly stream: string;
  readonly first: number;
  readonly count: number;
  readonly names: readonly string[];
  /** Id of its first event: what else may be at its key is somebody else's. */
  readonly event: string;
}

/** Commits that were stored in one go. */
export interface Batch {
  readonly id: string;
  readonly commits: readonly PlacedCommit[];
}

/** An entry: `count` events follow position `id`. */
export interface LogEntry {
  readonly id: number;
  readonly count: number;
  readonly commits: readonly PlacedCommit[];
  readonly batches: readonly string[];
}

export function endOf({ id, count }: Pick<LogEntry, 'id' | 'count'>): number {
  return id + count;
}

/**
 * The entries that follow `position` one upon the other. A query sees a table's parts one after another, so it can find an entry that was written while
 * it ran and miss the one before: that one is there when it is asked again.
 */
export function withoutHole(entries: readonly LogEntry[], position: number): LogEntry[] {
  let end = position;
  const holeAt = entries.findIndex((entry) => {
    if (entry.id !== end) return true;
    end = endOf(entry);
    return false;
  });
  return holeAt === -1 ? [...entries] : entries.slice(0, holeAt);
}

/** What to say of an entry that is not there though a later one is. */
export function missingEntry(position: number): EngineError {
  const message = `RethinkDB: document ${position} of table 'log' was changed by hand or lost: the next one begins later; restore it from a backup`;
  return new EngineError('COMMIT_UNREADABLE', message);
}
