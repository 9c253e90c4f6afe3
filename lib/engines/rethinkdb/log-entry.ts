import { EngineError } from '../../kernel/errors.js';

/** Where a commit is, and what it holds. */
export interface PlacedCommit {
  readonly stream: string;
  readonly first: number;
  readonly count: number;
  /** Id of its first event: what else may be at its key is somebody else's. */
  readonly event: string;
  readonly names: readonly string[];
}

/** Commits that are stored in one go. */
export interface Batch {
  readonly id: string;
  readonly commits: readonly PlacedCommit[];
}

/** An entry: `count` events follow position `id`; which ones, its batches tell. */
export interface LogEntry {
  readonly id: number;
  readonly count: number;
  readonly commits: readonly PlacedCommit[];
  readonly batches: readonly string[];
}

/** An entry without its commits. */
export type Outline = Omit<LogEntry, 'commits'>;

/**
 * As it is stored. Lists of commits are text: the server reads, keeps and sends one string for much less than it takes for hundreds of small objects,
 * and never has to look inside.
 */
export interface LogDocument extends Omit<LogEntry, 'commits'> {
  readonly commits: string;
}

export interface BatchDocument {
  readonly id: string;
  readonly commits: string;
}

type PackedCommit = [stream: string, first: number, count: number, event: string, names: readonly string[]];

export function packEntry({ commits, ...rest }: LogEntry): LogDocument {
  return { ...rest, commits: packed(commits) };
}

/** @throws EngineError (`COMMIT_UNREADABLE`). */
export function unpackEntry({ commits, ...rest }: LogDocument): LogEntry {
  return { ...rest, commits: unpacked(commits, 'log', rest.id) };
}

export function packBatch({ id, commits }: Batch): BatchDocument {
  return { id, commits: packed(commits) };
}

/** @throws EngineError (`COMMIT_UNREADABLE`). */
export function unpackBatch({ id, commits }: BatchDocument): Batch {
  return { id, commits: unpacked(commits, 'commits', id) };
}

export function endOf({ id, count }: Pick<LogEntry, 'id' | 'count'>): number {
  return id + count;
}

/**
 * The entries that follow `position` one upon the other. A query sees a table's parts one after another, so it can find an entry that was written while
 * it ran and miss the one before: that one is there when it is asked again.
 */
export function withoutHole<Entry extends Pick<LogEntry, 'id' | 'count'>>(
  entries: readonly Entry[],
  position: number,
): Entry[] {
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

function packed(commits: readonly PlacedCommit[]): string {
  return JSON.stringify(
    commits.map(({ stream, first, count, event, names }): PackedCommit => [stream, first, count, event, names]),
  );
}

function unpacked(text: string, table: string, key: string | number): PlacedCommit[] {
  try {
    const list = JSON.parse(text) as PackedCommit[];
    return list.map(([stream, first, count, event, names]) => ({ stream, first, count, event, names }));
  } catch (cause) {
    const message = `RethinkDB: document '${key}' of table '${table}' was changed by hand: its list of commits cannot be read; restore it from a backup`;
    throw new EngineError('COMMIT_UNREADABLE', message, { cause });
  }
}
