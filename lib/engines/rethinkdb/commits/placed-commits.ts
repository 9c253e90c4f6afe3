import type { EventRecord } from '../../../kernel/values/index.js';
import type { Connections, Reql, Term } from '../connections/index.js';
import { type CommitDocument, lengthOf, PAGE_LENGTH_MAX, PARTS, recordsOf, unreadable } from './commit-document.js';
import { commitKeyOf } from './keys.js';
import type { PlacedCommit } from './log-entry.js';

/**
 * Reads commits that are in the position log. The writer of a log entry saw that a majority has its commits. So a
 * document with the event that the entry names is that commit, whichever replica gives it. There is no need to read
 * from a majority again, which would make the server write to disk for each query: such a read ends with a
 * synchronisation of the replicas (RethinkDB, `primary_execution_t::sync_committed_read`).
 */
export class PlacedCommits {
  readonly #r: Reql;
  readonly #table: Term;
  readonly #majority: Term;
  readonly #connections: Connections;
  /** How many commits make a page, by the length of those that were fetched last. */
  #pageCommits = FETCH_COMMITS_MAX;

  constructor(r: Reql, db: Term, connections: Connections) {
    this.#r = r;
    this.#table = db.table('commits');
    this.#majority = db.table('commits', { readMode: 'majority' });
    this.#connections = connections;
  }

  /**
   * Resolves to the events of the first of these commits: as many commits as make a page, at least one.
   *
   * @throws EngineError as `eventsOf`.
   */
  async pageOf(commits: readonly PlacedCommit[]): Promise<EventRecord[][]> {
    for (
      let count = Math.min(commits.length, this.#pageCommits);
      ;
      count = Math.min(this.#pageCommits, count >> 1 || 1)
    ) {
      const found = await this.#eventsOf(
        commits.slice(0, count),
        count > 1 ? FETCH_LENGTH_MAX : Number.POSITIVE_INFINITY,
      );
      if (found) return found;
    }
  }

  /**
   * Resolves to the events of each commit.
   *
   * @throws EngineError (`COMMIT_UNREADABLE`) if one was changed by hand or lost.
   */
  async eventsOf(commits: readonly PlacedCommit[]): Promise<EventRecord[][]> {
    return (await this.#eventsOf(commits, Number.POSITIVE_INFINITY)) ?? [];
  }

  /** Resolves to `undefined` if the commits are longer than `lengthMax`. */
  async #eventsOf(commits: readonly PlacedCommit[], lengthMax: number): Promise<EventRecord[][] | undefined> {
    if (commits.length === 0) return [];
    const found = await this.#find(this.#table, commits, lengthMax);
    if (!found) return undefined;
    const others = commits.filter((commit) => !found.has(commit));
    // A replica that was cut off may lack the commit, or may have something else that was never acknowledged.
    if (others.length > 0) {
      const stored = await this.#find(this.#majority, others, lengthMax);
      if (!stored) return undefined;
      for (const [commit, events] of stored) found.set(commit, events);
    }
    return commits.map((commit) => {
      const events = found.get(commit);
      if (!events)
        throw unreadable(commitKeyOf(commit.stream, commit.first), 'it is missing, or not the one that was stored');
      return events;
    });
  }

  async #find(
    table: Term,
    commits: readonly PlacedCommit[],
    lengthMax: number,
  ): Promise<Map<PlacedCommit, EventRecord[]> | undefined> {
    const keys = commits.map(({ stream, first }) => commitKeyOf(stream, first));
    const streams = new Map(commits.map(({ stream }, i) => [keys[i] as string, stream]));
    const stored = new Map<string, EventRecord[]>();
    let length = 0;
    const take = (document: CommitDocument) => {
      const events = recordsOf(document, streams.get(document.id) as string);
      stored.set(document.id, events);
      length += lengthOf(events);
      return length < lengthMax;
    };
    await this.#connections.readWhile<CommitDocument>(table.getAll(this.#r.args(keys)), take, PARTS);
    if (stored.size > 0) this.#pageCommits = pageOfSuch(length / stored.size);
    if (length >= lengthMax) return undefined;
    const found = new Map<PlacedCommit, EventRecord[]>();
    for (const [i, commit] of commits.entries()) {
      const events = stored.get(keys[i] as string);
      if (events?.[0]?.id === commit.event) found.set(commit, events);
    }
    return found;
  }
}

/** Most commits fetched at once. */
const FETCH_COMMITS_MAX = 200;
/**
 * The length at which a fetch of several commits is given up for one of fewer, in UTF-16 code units of payload and
 * metadata.
 */
const FETCH_LENGTH_MAX = 4 * PAGE_LENGTH_MAX;

/** Returns how many commits of this length make a page. */
function pageOfSuch(length: number): number {
  return Math.max(1, Math.min(FETCH_COMMITS_MAX, Math.floor(PAGE_LENGTH_MAX / Math.max(1, length))));
}

/**
 * Returns the commits from there on that have so many events together, but at least one. More than a page would be
 * fetched again for the next page.
 */
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
