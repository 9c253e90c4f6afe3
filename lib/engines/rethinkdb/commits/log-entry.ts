import { EngineError } from '../../../kernel/values/errors.js';

export interface LogEntry extends Outline {
  readonly commits: readonly PlacedCommit[];
}

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
export class Batch {
  #text: string | undefined;

  constructor(
    readonly id: string,
    readonly commits: readonly PlacedCommit[],
  ) {}

  /** Its commits as they are stored; made once, for a batch is announced and placed with the same text. */
  get text(): string {
    this.#text ??= JSON.stringify(
      this.commits.map(({ stream, first, count, event, names }): PackedCommit => [stream, first, count, event, names]),
    );
    return this.#text;
  }
}

/** An entry without its commits: `count` events follow position `id`. */
export interface Outline {
  readonly id: number;
  readonly count: number;
  readonly batches: readonly string[];
}

/**
 * As it is stored. Lists of commits are text: the server reads, keeps and sends one string for much less than it takes for hundreds of small objects,
 * and never has to look inside.
 */
export interface LogDocument extends Outline {
  readonly commits: string;
}

type PackedCommit = [stream: string, first: number, count: number, event: string, names: readonly string[]];

/** What is written to give all of these their places after position `id`. */
export function packEntry(id: number, count: number, batches: readonly Batch[]): LogDocument {
  // One list of all of theirs: of a batch in which nothing was stored there is nothing to join.
  const lists = batches.filter((batch) => batch.commits.length > 0).map(({ text }) => text.slice(1, -1));
  return { id, count, batches: batches.map((batch) => batch.id), commits: `[${lists.join(',')}]` };
}

/** @throws EngineError (`COMMIT_UNREADABLE`). */
export function unpackEntry(document: LogDocument): LogEntry {
  const { id, count, batches } = checked(document);
  const commits = unpacked(document.commits, 'log', id);
  if (commits.reduce((sum, commit) => sum + commit.count, 0) !== count) throw unreadable('log', id);
  return { id, count, batches, commits };
}

/** What is known of an entry as it was read. @throws EngineError (`COMMIT_UNREADABLE`). */
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

/** @throws EngineError (`COMMIT_UNREADABLE`). */
export function unpacked(text: string, table: string, key: string | number): PlacedCommit[] {
  try {
    const list = JSON.parse(text) as PackedCommit[];
    return list.map(([stream, first, count, event, names]) => ({ stream, first, count, event, names }));
  } catch (cause) {
    throw unreadable(table, key, cause);
  }
}

function unreadable(table: string, key: string | number, cause?: unknown): EngineError {
  const message = `RethinkDB: document '${key}' of table '${table}' was changed by hand: what it lists cannot be read; restore it from a backup`;
  return new EngineError('COMMIT_UNREADABLE', message, { cause });
}
