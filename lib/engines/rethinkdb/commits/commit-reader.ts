import type { EventRecord } from '../../../kernel/values/index.js';
import type { Connections, Reql, Term } from '../connections/index.js';
import { ARRAYS, type CommitDocument, PAGE_LENGTH_MAX, PARTS, recordsOf, unreadable } from './commit-document.js';
import { commitKeyOf } from './keys.js';

/** Reads commits from a majority of replicas. What it gives is stored for good. */
export class CommitReader {
  readonly #r: Reql;
  readonly #table: Term;
  readonly #connections: Connections;
  /**
   * By stream, the latest known version at which a commit ends. Once it is the end of a commit, it stays one for ever.
   */
  readonly #boundaries = new Map<string, number>();

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

  /** Reads where these streams end now. */
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

  /**
   * Reads a page, up to the first gap. A query sees the parts of a table one after another. So it can find a commit
   * that was stored while it ran, and miss the one before. That one shows at a second look, or it was lost.
   */
  async readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]> {
    for (let isSecondLook = false; ; isSecondLook = true) {
      const { events, isCutShort } = await this.#pageAfter(streamId, after, limit);
      if (events.length > 0 || !isCutShort) return events;
      if (isSecondLook) throw unreadable(commitKeyOf(streamId, after + 1), 'it is missing, but later ones exist');
    }
  }

  /** Resolves to the ids of the first events of the commits at these keys, as far as there are any. */
  async firstEventsOf(keys: readonly string[]): Promise<Map<string, string>> {
    const query = this.#table.getAll(this.#r.args(keys)).pluck('id', { events: 'id' }).coerceTo('array');
    const found = await this.#connections.read<{ id: string; events?: { id: string }[] }[]>(query, ARRAYS);
    return new Map(found.map(({ id, events }) => [id, events?.[0]?.id ?? '']));
  }

  async #pageAfter(streamId: string, after: number, limit: number): Promise<Page> {
    const page: Page = { events: [], isCutShort: false };
    if (limit < 1) return page;
    let end = after;
    let length = 0;
    const take = (commit: CommitDocument) => {
      // A commit before, if `after` does not lie inside it.
      if (commit.first <= after && commit.last <= after) return true;
      page.isCutShort = commit.first > end + 1;
      if (page.isCutShort) return false;
      for (const event of recordsOf(commit, streamId)) {
        if (event.version <= after || page.events.length >= limit) continue;
        length += event.data.length + event.metadata.length;
        page.events.push(event);
      }
      end = commit.last;
      return page.events.length < limit && length < PAGE_LENGTH_MAX;
    };
    await this.#connections.readWhile<CommitDocument>(this.#commitsAfter(streamId, after, limit), take, PARTS);
    // A reader that continues there need not ask whether it is inside a commit.
    const upTo = page.events.at(-1)?.version ?? 0;
    if (upTo === end && upTo > (this.boundary(streamId) ?? 0)) this.setBoundary(streamId, upTo);
    return page;
  }

  /** Queries the commit that `after` may lie in, and those that follow. */
  #commitsAfter(streamId: string, after: number, limit: number): Term {
    const low = commitKeyOf(streamId, after + 1);
    const high = commitKeyOf(streamId, Number.MAX_SAFE_INTEGER);
    const following = this.#table
      .between(low, high)
      .orderBy({ index: this.#r.asc('id') })
      .limit(limit);
    if (after === 0 || this.boundary(streamId) === after) return following;
    return this.#lastOf(streamId, after).union(following, { interleave: false });
  }

  /** Queries the last commit of a stream whose first version is not above this one. */
  #lastOf(streamId: string, version: number): Term {
    const low = commitKeyOf(streamId, 0);
    const high = commitKeyOf(streamId, version);
    return this.#table
      .between(low, high, { rightBound: 'closed' })
      .orderBy({ index: this.#r.desc('id') })
      .limit(1);
  }
}

/** Most streams of which a version is remembered. */
const STREAMS_MAX = 100_000;
interface Page {
  readonly events: EventRecord[];
  /** Whether the page ended because a commit is missing and later ones exist. */
  isCutShort: boolean;
}

/** Remembers a version. If there are too many, the one that was used least recently is forgotten. */
function remember(versions: Map<string, number>, streamId: string, version: number): void {
  versions.delete(streamId);
  versions.set(streamId, version);
  if (versions.size <= STREAMS_MAX) return;
  const [oldest] = versions.keys();
  versions.delete(oldest as string);
}
