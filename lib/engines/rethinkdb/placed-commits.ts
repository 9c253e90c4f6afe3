import type { EventRecord } from '../../kernel/event.js';
import { ARRAYS, type CommitDocument, recordsOf, unreadable } from './commit-document.js';
import type { Connections } from './connections.js';
import type { Reql, Term } from './driver.js';
import { commitKeyOf } from './keys.js';
import type { PlacedCommit } from './log-entry.js';

/** Most commits fetched at once. */
const FETCH_COMMITS_MAX = 200;

/**
 * Reads commits that the log knows. Whoever wrote their entry had seen that a majority has them, so a document with the event that the entry names is
 * that commit, whichever replica gives it: there is no need to ask a majority again, which would make the server write to disk for each question (a read
 * by majority ends with a synchronisation of the replicas: RethinkDB, `primary_execution_t::sync_committed_read`).
 */
export class PlacedCommits {
  readonly #r: Reql;
  readonly #table: Term;
  readonly #majority: Term;
  readonly #connections: Connections;

  constructor(r: Reql, db: Term, connections: Connections) {
    this.#r = r;
    this.#table = db.table('commits');
    this.#majority = db.table('commits', { readMode: 'majority' });
    this.#connections = connections;
  }

  /** The events of each. @throws EngineError, `COMMIT_UNREADABLE` where one was changed by hand or lost. */
  async eventsOf(commits: readonly PlacedCommit[]): Promise<EventRecord[][]> {
    if (commits.length === 0) return [];
    const found = await this.#find(this.#table, commits);
    const others = commits.filter((commit) => !found.has(commit));
    // A replica that was cut off may not have it yet, or something else that nobody was ever told is stored.
    if (others.length > 0)
      for (const [commit, events] of await this.#find(this.#majority, others)) found.set(commit, events);
    return commits.map((commit) => {
      const events = found.get(commit);
      if (!events)
        throw unreadable(commitKeyOf(commit.stream, commit.first), 'it is missing, or another than was stored');
      return events;
    });
  }

  async #find(table: Term, commits: readonly PlacedCommit[]): Promise<Map<PlacedCommit, EventRecord[]>> {
    const keys = commits.map(({ stream, first }) => commitKeyOf(stream, first));
    const query = table.getAll(this.#r.args(keys)).coerceTo('array');
    const documents = await this.#connections.read<CommitDocument[]>(query, ARRAYS);
    const byKey = new Map(documents.map((document) => [document.id, document]));
    const found = new Map<PlacedCommit, EventRecord[]>();
    for (const [i, commit] of commits.entries()) {
      const document = byKey.get(keys[i] as string);
      if (!document) continue;
      const events = recordsOf(document, commit.stream);
      if (events[0]?.id === commit.event) found.set(commit, events);
    }
    return found;
  }
}

/** The commits from there on that have so many events together, but at least one: what is fetched beyond the page would be fetched again for the next. */
export function asMany<Commit extends PlacedCommit>(
  commits: readonly Commit[],
  from: number,
  eventCount: number,
): Commit[] {
  const some: Commit[] = [];
  let count = 0;
  for (let at = from; at < commits.length && some.length < FETCH_COMMITS_MAX && count < eventCount; at += 1) {
    const commit = commits[at] as Commit;
    some.push(commit);
    count += commit.count;
  }
  return some;
}
