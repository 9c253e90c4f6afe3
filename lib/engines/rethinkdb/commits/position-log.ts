import { backoffIn, type Environment, endsWithin, SYSTEM, sleep } from '../../../engine/environment/index.js';
import { EngineError } from '../../../kernel/values/index.js';
import type { Connections, Reql, Term } from '../connections/index.js';
import type { Announcements } from './announcements.js';
import {
  type Batch,
  checked,
  endOf,
  type LogDocument,
  type LogEntry,
  missingEntry,
  type Outline,
  packEntry,
  unpackEntry,
  withoutHole,
} from './log-entry.js';
import { LogQueries } from './log-queries.js';

/**
 * Gives every event its position in the store, after its commit. It is a log whose entries are keyed by the position
 * after which they begin. So two writers at its end collide, and an entry exists only after all those before it.
 *
 * A writer gives its own batches their positions. In case it dies before that, each batch is announced in the insert of
 * its commits. Whoever finds an old announcement gives those commits their positions.
 */
export class PositionLog {
  /** Called when there are new positions. */
  onPlaced: () => void = () => {};
  readonly #r: Reql;
  readonly #log: Term;
  readonly #queries: LogQueries;
  readonly #connections: Connections;
  readonly #announcements: Announcements;
  readonly #environment: Environment;
  #waiting: Waiting[] = [];
  #placing: Promise<void> | undefined;
  #end: number | undefined;
  /** Batches that somebody else may have placed already. */
  readonly #doubtful = new Set<string>();
  #placedAtMs = 0;
  #placedCommits = 0;
  #closed = false;

  constructor(r: Reql, db: Term, connections: Connections, announcements: Announcements, environment = SYSTEM) {
    this.#r = r;
    this.#log = db.table('log', { readMode: 'majority' });
    this.#queries = new LogQueries(r, this.#log);
    this.#connections = connections;
    this.#announcements = announcements;
    this.#environment = environment;
  }

  /**
   * Gives the events of a batch their positions soon. All batches that wait go into one entry.
   *
   * @param announcedAtMs when its announcement was sent, by the monotonic clock.
   */
  place(batch: Batch, announcedAtMs: number): void {
    this.#waiting.push({ batch, announcedAtMs });
    this.#placeSoon();
  }

  #placeSoon(): void {
    if (this.#placing || this.#waiting.length === 0) return;
    this.#placing = this.#placeAll().finally(() => {
      this.#placing = undefined;
      // Batches may have arrived since the last check.
      if (!this.#closed) this.#placeSoon();
    });
  }

  /**
   * Resolves to those of these batches that have positions, by id, each with the ids of the first events that were
   * placed with it.
   */
  async placed(ids: readonly string[]): Promise<Map<string, ReadonlySet<string>>> {
    const query = this.#log.getAll(this.#r.args(ids), { index: 'batches' }).coerceTo('array');
    const entries = (await this.#connections.read<LogDocument[]>(query)).map(unpackEntry);
    const placed = new Map<string, ReadonlySet<string>>();
    for (const { batches, commits } of entries) {
      const events = new Set(commits.map(({ event }) => event));
      for (const id of batches) placed.set(id, events);
    }
    return placed;
  }

  async lastPosition(): Promise<number> {
    const last = await this.#last();
    return last ? endOf(last) : 0;
  }

  /**
   * Resolves to entries with positions after this one, oldest first, and to whether there were no others behind them.
   * It gives at least one entry if there is any.
   */
  async entriesAfter(position: number, limit: number): Promise<{ entries: LogEntry[]; ended: boolean }> {
    const around = this.#queries.lastBefore(position).coerceTo('array');
    const after = this.#queries.from(position).limit(limit).coerceTo('array');
    for (let isSecondLook = false; ; isSecondLook = true) {
      const [at, rest] = await this.#connections.read<[LogDocument[], LogDocument[]]>(this.#r.expr([around, after]));
      const covering = at[0] && endOf(checked(at[0])) > position ? [at[0]] : [];
      const end = covering[0] ? endOf(covering[0]) : position;
      const following = withoutHole(rest, end);
      const entries = [...covering, ...following];
      const ended = rest.length < limit && following.length === rest.length;
      if (entries.length > 0 || rest.length === 0) return { entries: entries.map(unpackEntry), ended };
      if (isSecondLook) throw missingEntry(end);
    }
  }

  /**
   * Resolves to the entries that begin at this position, without their commits. The position must be the end of an
   * entry.
   */
  async outlinesFrom(position: number, limit: number): Promise<Outline[]> {
    const outlines = this.#queries.from(position).limit(limit).pluck('id', 'count', 'batches').coerceTo('array');
    return withoutHole((await this.#connections.read<Outline[]>(outlines)).map(checked), position);
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#placing) await endsWithin(this.#environment, this.#placing, CLOSE_MS_MAX);
  }

  async #placeAll(): Promise<void> {
    const backoff = backoffIn(this.#environment);
    while (this.#waiting.length > 0) {
      const gatherMs = Math.min(this.#placedCommits * GATHER_MS_PER_COMMIT, GATHER_MS_MAX);
      const pauseMs = this.#placedAtMs + gatherMs - this.#environment.monotonicMs();
      if (pauseMs > 1 && !this.#closed) await sleep(this.#environment, pauseMs);
      this.#placedAtMs = this.#environment.monotonicMs();
      const waiting = this.#takeWaiting();
      try {
        await this.#append(waiting);
        backoff.reset();
      } catch (error) {
        // The batches are announced: another node, or the next start of this one, gives them their positions.
        if (this.#closed || !(error instanceof EngineError && error.retryable)) return;
        // The write may have succeeded although its answer was lost.
        for (const { batch } of waiting) this.#doubtful.add(batch.id);
        this.#waiting.unshift(...waiting);
        await sleep(this.#environment, backoff.nextMs());
      }
    }
  }

  #takeWaiting(): Waiting[] {
    let commits = 0;
    const count = this.#waiting.findIndex(({ batch }) => (commits += batch.commits.length) > ENTRY_COMMITS_MAX);
    return this.#waiting.splice(0, count === -1 ? this.#waiting.length : Math.max(1, count));
  }

  /** Writes one entry at the end of the log. It leaves out what others placed meanwhile. */
  async #append(waiting: readonly Waiting[]): Promise<void> {
    // The writer and the sweeper may both have brought the same batch.
    const batches = new Map(waiting.map(({ batch }) => [batch.id, batch]));
    let left: readonly Batch[] = [...batches.values()];
    const sweptMs = this.#environment.monotonicMs() - SWEPT_MS_MIN;
    const isDoubtful = waiting.some(
      ({ batch, announcedAtMs }) => announcedAtMs <= sweptMs || this.#doubtful.has(batch.id),
    );
    // The end is read before the batches are looked for. So if somebody places one of them after that, the entries
    // collide. Reading the end may take so long that these batches were swept.
    if (isDoubtful || this.#end === undefined) {
      this.#end = await this.lastPosition();
      const placed = await this.placed(left.map(({ id }) => id));
      left = left.filter(({ id }) => !placed.has(id));
    }
    for (;;) {
      const count = eventCountOf(left);
      if (count === 0) break;
      const entry = packEntry(this.#end, count, left);
      const answer = await this.#connections.write<{ inserted: number; first_error?: string }>(
        this.#log.insert(this.#r.json(JSON.stringify(entry)), { durability: 'hard' }),
      );
      if (answer.inserted === 1) {
        this.#end += count;
        this.#placedCommits = left.reduce((sum, { commits }) => sum + commits.length, 0);
        this.onPlaced();
        break;
      }
      if (!/Duplicate primary key/.test(answer.first_error ?? '')) {
        throw new EngineError('ENGINE_UNAVAILABLE', `RethinkDB: ${answer.first_error}`, { retryable: true });
      }
      left = await this.#catchUp(left);
    }
    for (const id of batches.keys()) this.#doubtful.delete(id);
    this.#announcements.drop([...batches.keys()]);
  }

  /** Others wrote at the end. Goes there, and leaves out what they placed. */
  async #catchUp(batches: readonly Batch[]): Promise<readonly Batch[]> {
    const placed = new Set<string>();
    for (;;) {
      const entries = await this.outlinesFrom(this.#end as number, CATCH_UP_ENTRIES_MAX);
      for (const entry of entries) {
        for (const id of entry.batches) placed.add(id);
        this.#end = endOf(entry);
      }
      if (entries.length < CATCH_UP_ENTRIES_MAX) break;
    }
    // Batches that come later no longer collide with these entries.
    for (const { batch } of this.#waiting) if (placed.has(batch.id)) this.#doubtful.add(batch.id);
    return batches.filter(({ id }) => !placed.has(id));
  }

  async #last(): Promise<Outline | undefined> {
    return (await this.#connections.read<Outline[]>(this.#queries.last())).map(checked)[0];
  }
}

/** Most commits in one entry. */
const ENTRY_COMMITS_MAX = 1_000;
/** Most entries of others that are read at once on the way to the end. */
const CATCH_UP_ENTRIES_MAX = 100;
/**
 * From this age on, another node may have swept an announced batch, so it is looked for before it is placed.
 * Milliseconds.
 */
export const SWEPT_MS_MIN = 1_000;
/**
 * How long to gather batches for the next entry, for each commit of the last one. A store with few writes gets
 * positions at once. One with many writes waits, so that the log's own writes to disk stay few. Milliseconds.
 */
const GATHER_MS_PER_COMMIT = 0.2;
const GATHER_MS_MAX = 12;
/** How long closing waits until everything has positions. Other nodes sweep the rest. Milliseconds. */
const CLOSE_MS_MAX = 3_000;

/** A batch that waits for its positions. */
interface Waiting {
  readonly batch: Batch;
  readonly announcedAtMs: number;
}

function eventCountOf(batches: readonly Batch[]): number {
  let count = 0;
  for (const { commits } of batches) for (const commit of commits) count += commit.count;
  return count;
}
