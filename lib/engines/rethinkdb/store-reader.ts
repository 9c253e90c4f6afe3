import type { EventRecord } from '../../kernel/event.js';
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

  async readAll(after: number, limit: number, names: readonly string[] | undefined): Promise<EventRecord[]> {
    const wanted = names && new Set(names);
    const events: EventRecord[] = [];
    let from = after;
    while (events.length < limit) {
      const entries = await this.#log.entriesAfter(from, ENTRIES_MAX);
      const last = entries.at(-1);
      if (!last) break;
      const commits = entries
        .flatMap(commitsOf)
        .filter((commit) => commit.before + commit.count > after && matters(commit, wanted));
      for (let at = 0; at < commits.length && events.length < limit; ) {
        const some = asMany(commits, at, limit - events.length);
        at += some.length;
        const found = await this.#commits.eventsOf(some);
        for (const [i, { before }] of some.entries()) {
          let position = before;
          for (const { id, streamId, version, name, data, metadata } of found[i] as EventRecord[]) {
            position += 1;
            if (position <= after || (wanted && !wanted.has(name))) continue;
            events.push({ id, streamId, version, position, name, data, metadata });
          }
        }
      }
      from = last.id + last.count;
    }
    return events.slice(0, limit);
  }
}

function commitsOf({ id, commits }: LogEntry): (PlacedCommit & { before: number })[] {
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
