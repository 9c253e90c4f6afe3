import type { EventRecord } from '../../kernel/event.js';
import type { LogEntry, PlacedCommit } from './log-entry.js';
import type { PlacedCommits } from './placed-commits.js';
import type { PositionLog } from './position-log.js';

/** Entries of the log asked for at once. */
const ENTRIES_MAX = 64;
/** Commits fetched at once. */
const COMMITS_MAX = 200;

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
          for (const [k, event] of (found[i] as EventRecord[]).entries()) {
            const position = before + k + 1;
            if (position > after && (!wanted || wanted.has(event.name))) events.push({ ...event, position });
          }
        }
      }
      from = last.id + last.count;
    }
    return events.slice(0, limit);
  }
}

/** The commits from there on that have so many events together, but at least one: what is fetched beyond the page would be fetched again for the next. */
function asMany<Commit extends PlacedCommit>(commits: readonly Commit[], from: number, eventCount: number): Commit[] {
  const some: Commit[] = [];
  let count = 0;
  for (let at = from; at < commits.length && some.length < COMMITS_MAX && count < eventCount; at += 1) {
    const commit = commits[at] as Commit;
    some.push(commit);
    count += commit.count;
  }
  return some;
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
