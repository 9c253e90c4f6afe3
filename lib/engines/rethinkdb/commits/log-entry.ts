import { EngineError } from '../../../kernel/values/index.js';

export interface LogEntry extends Outline {
  readonly commits: readonly PlacedCommit[];
}

/** Where a commit is stored, and what it holds. */
export interface PlacedCommit {
  readonly stream: string;
  readonly first: number;
  readonly count: number;
  /** The id of its first event. If another event is at its key, that commit is somebody else's. */
  readonly event: string;
  readonly names: readonly string[];
}

/** Commits that are stored in one insert. */
export class Batch {
  #text: string | undefined;

  constructor(
    readonly id: string,
    readonly commits: readonly PlacedCommit[],
  ) {}

  /**
   * Its commits as stored text. It is made once, because a batch is announced and given its positions with the same
   * text.
   */
  get text(): string {
    this.#text ??= JSON.stringify(
      this.commits.map(({ stream, first, count, event, names }): PackedCommit => [stream, first, count, event, names]),
    );
    return this.#text;
  }
}

/** An entry of the position log without its commits: `count` events follow position `id`. */
export interface Outline {
  readonly id: number;
  readonly count: number;
  readonly batches: readonly string[];
}

/**
 * An entry as it is stored. Lists of commits are text: the server reads, keeps and sends one string at much lower cost
 * than hundreds of small objects, and never has to look inside.
 */
export interface LogDocument extends Outline {
  readonly commits: string;
}

type PackedCommit = [stream: string, first: number, count: number, event: string, names: readonly string[]];

/** Returns the entry that gives all of these batches their positions, after position `id`. */
export function packEntry(id: number, count: number, batches: readonly Batch[]): LogDocument {
  // All lists are joined to one. A batch of which nothing was stored adds nothing.
  const lists = batches.filter((batch) => batch.commits.length > 0).map(({ text }) => text.slice(1, -1));
  return { id, count, batches: batches.map((batch) => batch.id), commits: `[${lists.join(',')}]` };
}

/** Returns an entry with its commits. @throws EngineError (`COMMIT_UNREADABLE`). */
export function unpackEntry(document: LogDocument): LogEntry {
  const { id, count, batches } = checked(document);
  const commits = unpacked(document.commits, 'log', id);
  if (commits.reduce((sum, commit) => sum + commit.count, 0) !== count) throw unreadable('log', id);
  return { id, count, batches, commits };
}

/** Returns the entry if it is intact. @throws EngineError (`COMMIT_UNREADABLE`). */
export function checked<Entry extends Outline>(entry: Entry): Entry {
  const { id, count, batches } = entry;
  const isWhole = Number.isSafeInteger(id) && Number.isSafeInteger(count) && count > 0 && Array.isArray(batches);
  if (!isWhole || batches.length === 0) throw unreadable('log', id);
  return entry;
}

export function endOf({ id, count }: Pick<LogEntry, 'id' | 'count'>): number {
  return id + count;
}

/**
 * Returns the entries that follow `position` without a gap. A query sees the parts of a table one after another. So it
 * can find an entry that was written while it ran, and miss the one before. That one shows when the query is repeated.
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

/** The error for an entry that is missing although a later one exists. */
export function missingEntry(position: number): EngineError {
  const message = `RethinkDB: document ${position} of table 'log' was changed by hand or lost (the next one does not follow it): restore it from a backup`;
  return new EngineError('COMMIT_UNREADABLE', message);
}

/** Returns the commits of a stored list. @throws EngineError (`COMMIT_UNREADABLE`). */
export function unpacked(text: string, table: string, key: string | number): PlacedCommit[] {
  try {
    const list = JSON.parse(text) as PackedCommit[];
    return list.map(([stream, first, count, event, names]) => ({ stream, first, count, event, names }));
  } catch (cause) {
    throw unreadable(table, key, cause);
  }
}

function unreadable(table: string, key: string | number, cause?: unknown): EngineError {
  const message = `RethinkDB: document '${key}' of table '${table}' was changed by hand (its list of commits cannot be read): restore it from a backup`;
  return new EngineError('COMMIT_UNREADABLE', message, { cause });
}
