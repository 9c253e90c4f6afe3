import { backoffIn } from '../../../engine/environment/backoff.js';
import { type Environment, endsWithin, sleep } from '../../../engine/environment/environment.js';
import { SYSTEM } from '../../../engine/environment/system-environment.js';
import { EngineError } from '../../../kernel/values/errors.js';
import type { Connections } from '../connections/connections.js';
import type { Reql, Term } from '../connections/driver.js';
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
 * Gives every event its position in the store, after its commit: a log whose entries are keyed by the position after which they begin, so that two who
 * write at its end collide, and an entry is there only after all before it. A writer places its own batches; for a writer that died in between, each
 * batch is announced with its commits, and whoever finds an old announcement places what it names.
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
  /** Batches that somebody may have placed already. */
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
   * Gives positions to what is stored, soon: all that waits goes in one entry.
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
      // What came between the last look and this.
      if (!this.#closed) this.#placeSoon();
    });
  }

  /** Those of these batches that have positions, by id: what was placed with each, by the ids of first events. */
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

  /** Entries with positions after this one, oldest first, and whether there were no others behind them. Some, if any are there. */
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

  /** The entries that begin with this position, which must be the end of one, without what is in them. */
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
        // Announced it is: another node, or the next start of this one, places it.
        if (this.#closed || !(error instanceof EngineError && error.retryable)) return;
        // The lost answer may have been that it is placed.
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

  /** Writes one entry at the end of the log; what others placed of it meanwhile is left out. */
  async #append(waiting: readonly Waiting[]): Promise<void> {
    // Its writer and the sweep may both have brought one.
    const batches = new Map(waiting.map(({ batch }) => [batch.id, batch]));
    let left: readonly Batch[] = [...batches.values()];
    const sweptMs = this.#environment.monotonicMs() - SWEPT_MS_MIN;
    const isDoubtful = waiting.some(
      ({ batch, announcedAtMs }) => announcedAtMs <= sweptMs || this.#doubtful.has(batch.id),
    );
    // In this order: what somebody else places after it was looked for collides with us. Finding the end may take so long that these were swept.
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

  /** Others wrote at the end: goes there, and leaves out what they placed. */
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
    // Those that come later do not collide with these entries any more.
    for (const { batch } of this.#waiting) if (placed.has(batch.id)) this.#doubtful.add(batch.id);
    return batches.filter(({ id }) => !placed.has(id));
  }

  async #last(): Promise<Outline | undefined> {
    return (await this.#connections.read<Outline[]>(this.#queries.last())).map(checked)[0];
  }
}

/** Most commits in one entry. */
const ENTRY_COMMITS_MAX = 1_000;
/** Others' entries that are read at once, on the way to the end. */
const CATCH_UP_ENTRIES_MAX = 100;
/** Somebody else may have swept a batch that was announced so long ago: it is looked for before it is placed. Milliseconds. */
export const SWEPT_MS_MIN = 1_000;
/**
 * Who stores little has its places at once; who stores much waits for more, so that the log's own writes to disk stay few: for each commit of the last
 * entry so long, and no longer than that. Milliseconds.
 */
const GATHER_MS_PER_COMMIT = 0.2;
const GATHER_MS_MAX = 12;
/** How long closing waits until all is placed; what is not, others sweep. Milliseconds. */
const CLOSE_MS_MAX = 3_000;

/** A batch that waits for its place. */
interface Waiting {
  readonly batch: Batch;
  readonly announcedAtMs: number;
}

function eventCountOf(batches: readonly Batch[]): number {
  let count = 0;
  for (const { commits } of batches) for (const commit of commits) count += commit.count;
  return count;
}
