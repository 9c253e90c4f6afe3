import type { EventRecord } from '../../kernel/event.js';
import { ARRAYS, type CommitDocument, recordsOf, unreadable } from './commit-document.js';
import type { Connections } from './connections.js';
import type { Reql, Term } from './driver.js';
import { commitKeyOf } from './keys.js';

/** Most streams of which something is remembered. */
const STREAMS_MAX = 100_000;
/** Most commits asked for at once, and the fewest: a page of large ones must not fill the memory. */
const PAGE_COMMITS_MAX = 1_000;
const PAGE_COMMITS_MIN = 16;
/** Payload and metadata in one page, in UTF-16 code units; a page ends with the answer that goes beyond. */
const PAGE_LENGTH_MAX = 8 * 1024 * 1024;

/** Reads commits, by majority: what it gives is stored for good. */
export class CommitReader {
  readonly #r: Reql;
  readonly #table: Term;
  readonly #connections: Connections;
  /** A version at which a commit of the stream ends, the latest that is known. It stays one for ever. */
  readonly #boundaries = new Map<string, number>();

  /** The page that was read last, and how many commits it took. */
  #lastPage = { streamId: '', upTo: 0, commits: PAGE_COMMITS_MIN };

  constructor(r: Reql, table: Term, connections: Connections) {
    this.#r = r;
    this.#table = table;
    this.#connections = connections;
  }

  boundary(streamId: string): number | undefined {
    return this.#boundaries.get(streamId);
  }

  setBoundary(streamId: string, version: number): void {
    remember(this.#boundaries, streamId, version);
  }

  forget(streamId: string): void {
    this.#boundaries.delete(streamId);
  }

  /** Asks where these streams end now. */
  async learnHeads(streamIds: readonly string[]): Promise<void> {
    if (streamIds.length === 0) return;
    const queries = streamIds.map((streamId) =>
      this.#lastOf(streamId, Number.MAX_SAFE_INTEGER).pluck('last').coerceTo('array'),
    );
    const found = await this.#connections.read<{ last: number }[][]>(this.#r.expr(queries));
    for (const [i, streamId] of streamIds.entries()) this.setBoundary(streamId, found[i]?.[0]?.last ?? 0);
  }

  async streamVersion(streamId: string): Promise<number> {
    await this.learnHeads([streamId]);
    return this.boundary(streamId) ?? 0;
  }

  async readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]> {
    const events: EventRecord[] = [];
    let length = 0;
    let used = 0;
    let ask = Math.min(limit, this.#goesOn(streamId, after) ? this.#lastPage.commits : PAGE_COMMITS_MIN);
    let from = after;
    let lastVersion = 0;
    while (events.length < limit && length < PAGE_LENGTH_MAX) {
      const commits = await this.#commitsAfter(streamId, from, ask, events.length === 0);
      for (const commit of commits) {
        if (events.length < limit) used += 1;
        for (const event of recordsOf(commit, streamId)) {
          if (event.version <= after || events.length >= limit) continue;
          length += event.data.length + event.metadata.length;
          events.push(event);
        }
      }
      const last = commits.at(-1);
      lastVersion = last?.last ?? lastVersion;
      if (!last || commits.length < ask) break;
      from = last.last;
      ask = Math.min(ask * 8, PAGE_COMMITS_MAX, limit);
    }
    const upTo = events.at(-1)?.version ?? 0;
    this.#lastPage = { streamId, upTo, commits: Math.min(Math.max(used, 1), PAGE_COMMITS_MAX) };
    // Whoever reads on from there need not be asked whether it is in the middle of a commit.
    if (upTo === lastVersion && upTo > (this.boundary(streamId) ?? 0)) this.setBoundary(streamId, upTo);
    return events;
  }

  /** Whoever reads a long stream page by page need not feel the way again each time. */
  #goesOn(streamId: string, after: number): boolean {
    return after > 0 && this.#lastPage.streamId === streamId && this.#lastPage.upTo === after;
  }

  /** Ids of the first events of those commits that are stored, by key. */
  async firstEventsOf(keys: readonly string[]): Promise<Map<string, string>> {
    const query = this.#table.getAll(this.#r.args(keys)).pluck('id', { events: 'id' }).coerceTo('array');
    const found = await this.#connections.read<{ id: string; events?: { id: string }[] }[]>(query, ARRAYS);
    return new Map(found.map(({ id, events }) => [id, events?.[0]?.id ?? '']));
  }

  /**
   * As many as there are without a hole. A query sees a table's parts one after another, so it can find a commit that was stored while it ran and miss
   * the one before: that one is there at a second look, or was lost.
   */
  async #commitsAfter(streamId: string, after: number, limit: number, mayBeInside: boolean): Promise<CommitDocument[]> {
    for (let isSecondLook = false; ; isSecondLook = true) {
      const commits = await this.#foundAfter(streamId, after, limit, mayBeInside);
      const holeAt = commits.findIndex(({ first }, i) => first > (commits[i - 1]?.last ?? after) + 1);
      if (holeAt === -1) return commits;
      if (holeAt > 0) return commits.slice(0, holeAt);
      if (isSecondLook) throw unreadable(commitKeyOf(streamId, after + 1), 'it is missing, and later ones are not');
    }
  }

  /** The commit in whose middle `after` may lie, and those that follow. */
  async #foundAfter(streamId: string, after: number, limit: number, mayBeInside: boolean): Promise<CommitDocument[]> {
    const low = commitKeyOf(streamId, after + 1);
    const high = commitKeyOf(streamId, Number.MAX_SAFE_INTEGER);
    const following = this.#table
      .between(low, high)
      .orderBy({ index: this.#r.asc('id') })
      .limit(limit)
      .coerceTo('array');
    if (!mayBeInside || after === 0 || this.boundary(streamId) === after)
      return this.#connections.read(following, ARRAYS);
    const before = this.#lastOf(streamId, after).coerceTo('array');
    const [inside, rest] = await this.#connections.read<[CommitDocument[], CommitDocument[]]>(
      this.#r.expr([before, following]),
      ARRAYS,
    );
    return inside[0] && inside[0].last > after ? [inside[0], ...rest] : rest;
  }

  /** The last commit of a stream whose first version is at most this. */
  #lastOf(streamId: string, version: number): Term {
    const low = commitKeyOf(streamId, 0);
    const high = commitKeyOf(streamId, version);
    return this.#table
      .between(low, high, { rightBound: 'closed' })
      .orderBy({ index: this.#r.desc('id') })
      .limit(1);
  }
}

/** The least recently remembered is forgotten when there are too many. */
function remember(versions: Map<string, number>, streamId: string, version: number): void {
  versions.delete(streamId);
  versions.set(streamId, version);
  if (versions.size <= STREAMS_MAX) return;
  const [oldest] = versions.keys();
  versions.delete(oldest as string);
}
