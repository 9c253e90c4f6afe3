import type { EventRecord } from '../../kernel/event.js';
import { PAGE_LENGTH_MAX } from './commit-document.js';
import type { LogEntry, PlacedCommit } from './log-entry.js';
import { asMany, type PlacedCommits } from './placed-commits.js';
import type { PositionLog } from './position-log.js';

/** Entries of the log asked for at once. */
const ENTRIES_MAX = 64;

/** Reads the whole store in order of position: the log says which commits, and of which names; only those that matter are fetched. */
export class StoreReader {
  readonly #log: PositionLog;
  readonly #commits: PlacedCommits;

  constructor(log: PositionLog, commits: PlacedCommits) {
    this.#log = log;
    this.#commits = commits;
  }

  /** A page, that ends early where it has become long. */
  async readAll(after: number, limit: number, names: readonly string[] | undefined): Promise<EventRecord[]> {
    const wanted = names && new Set(names);
    const events: EventRecord[] = [];
    let length = 0;
    let from = after;
    const isFull = () => events.length >= limit || length >= PAGE_LENGTH_MAX;
    while (!isFull()) {
      const entries = await this.#log.entriesAfter(from, ENTRIES_MAX);
      const last = entries.at(-1);
      if (!last) break;
      const commits = entries
        .flatMap(commitsOf)
        .filter((commit) => commit.before + commit.count > after && matters(commit, wanted));
      for (let at = 0; at < commits.length && !isFull(); ) {
        const found = await this.#commits.pageOf(asMany(commits, at, limit - events.length));
        for (const records of found) {
          if (length >= PAGE_LENGTH_MAX) break;
          const { before } = commits[at] as Placed;
          for (const event of placed(records, before)) {
            if (event.position <= after || (wanted && !wanted.has(event.name))) continue;
            events.push(event);
            length += event.data.length + event.metadata.length;
          }
          at += 1;
        }
      }
      from = last.id + last.count;
    }
    return events.slice(0, limit);
  }
}

/** A commit, and the position before its first event. */
type Placed = PlacedCommit & { readonly before: number };

function placed(records: readonly EventRecord[], before: number): EventRecord[] {
  return records.map(({ id, streamId, version, name, data, metadata }, i) => {
    return { id, streamId, version, position: before + i + 1, name, data, metadata };
  });
}

function commitsOf({ id, commits }: LogEntry): Placed[] {
  let before = id;
  return commits.map((commit) => {
    const placed = { ...commit, before };
    before += commit.count;
    return placed;
  });
}

function matters({ names }: PlacedCommit, wanted: ReadonlySet<string> | undefined): boolean {
  return !wanted || names.some((name) => wanted.has(name));
}
