// The real ones, also where a test runner has replaced the globals.
import { setTimeout } from 'node:timers';
import { Backoff } from '../../engine/backoff.js';
import { EngineError } from '../../kernel/errors.js';
import type { CommitReader } from './commit-reader.js';
import type { Connections } from './connections.js';
import type { Reql, Term } from './driver.js';
import { commitKeyOf } from './keys.js';
import { type Batch, endOf, type LogEntry, missingEntry, type PlacedCommit, withoutHole } from './log-entry.js';
import { LogQueries } from './log-queries.js';

/** Most commits in one entry. */
const ENTRY_COMMITS_MAX = 1_000;
/** How often the batches are looked for that some writer stored and could not place. Milliseconds. */
const SWEEP_MS = 3_000;
/** Somebody else may have swept a batch that was announced so long ago: it is looked for before it is placed. Milliseconds, well below what makes it old. */
const SWEPT_MS_MIN = 1_000;
/** What was found in a sweep was announced nobody knows when. */
const LONG_AGO_MS = Number.NEGATIVE_INFINITY;
/** A batch of which parts are missing is placed without them after so long: nothing of it can be under way any more. Milliseconds. */
const MISSING_MS_MAX = 60_000;
/** While there is much to place: how long the next entry waits for more. Milliseconds. */
const GATHER_MS = 8;
/** Most batches swept at once. */
const SWEEP_BATCHES_MAX = 100;
/** Keys of announcements begin with this, as no commit's does. */
const INTENT = ':';
const INTENTS_END = ';';
/** How long closing waits until all is placed; what is not, others sweep. Milliseconds. */
const CLOSE_MS_MAX = 3_000;

/** A batch that waits for its place. */
interface Waiting extends Batch {
  readonly announcedAtMs: number;
}

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
  readonly #commits: Term;
  readonly #connections: Connections;
  readonly #reader: CommitReader;
  #waiting: Waiting[] = [];
  #placing: Promise<void> | undefined;
  #end: number | undefined;
  /** Batches that somebody may have placed already. */
  readonly #doubtful = new Set<string>();
  /** Our own, of which it is not even known whether they were announced. */
  readonly #doubted = new Map<string, Batch>();
  #seenBefore = new Map<string, number>();
  #placedAtMs = 0;
  #sweepTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(r: Reql, db: Term, connections: Connections, reader: CommitReader) {
    this.#r = r;
    this.#log = db.table('log', { readMode: 'majority' });
    this.#queries = new LogQueries(r, this.#log);
    this.#commits = db.table('commits', { readMode: 'majority' });
    this.#connections = connections;
    this.#reader = reader;
  }

  start(): void {
    this.#sweepLater();
  }

  /** Announces that these commits are about to be stored: goes into the same table with them, so that one write to disk serves both. */
  intentOf(batch: Batch): object {
    return { ...batch, id: INTENT + batch.id };
  }

  /**
   * Gives positions to what is stored, soon: all that waits goes in one entry.
   *
   * @param announcedAtMs when its announcement was sent, by the monotonic clock.
   */
  place(batch: Batch, announcedAtMs: number): void {
    this.#waiting.push({ ...batch, announcedAtMs });
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

  /** Nobody knows what became of it: the sweep will find out. */
  doubt(batch: Batch): void {
    this.#seenBefore.set(batch.id, performance.now());
    this.#doubted.set(batch.id, batch);
  }

  async lastPosition(): Promise<number> {
    const last = await this.#last();
    return last ? endOf(last) : 0;
  }

  /** Entries with positions after this one, oldest first. */
  async entriesAfter(position: number, limit: number): Promise<LogEntry[]> {
    const around = this.#queries.lastBefore(position).coerceTo('array');
    const following = this.#queries.from(position).limit(limit).coerceTo('array');
    for (let isSecondLook = false; ; isSecondLook = true) {
      const [at, rest] = await this.#connections.read<[LogEntry[], LogEntry[]]>(this.#r.expr([around, following]));
      const covering = at[0] && endOf(at[0]) > position ? [at[0]] : [];
      const end = covering[0] ? endOf(covering[0]) : position;
      const entries = [...covering, ...withoutHole(rest, end)];
      if (entries.length > 0 || rest.length === 0) return entries;
      if (isSecondLook) throw missingEntry(end);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#sweepTimer);
    await Promise.race([this.#placing, new Promise((resolve) => setTimeout(resolve, CLOSE_MS_MAX).unref())]);
  }

  async #placeAll(): Promise<void> {
    const backoff = new Backoff();
    while (this.#waiting.length > 0) {
      const sinceMs = performance.now() - this.#placedAtMs;
      if (sinceMs < GATHER_MS && !this.#closed) await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
      this.#placedAtMs = performance.now();
      const batches = this.#takeWaiting();
      try {
        await this.#append(batches);
        backoff.reset();
      } catch (error) {
        // Announced it is: another node, or the next start of this one, places it.
        if (this.#closed || !(error instanceof EngineError && error.retryable)) return;
        // The lost answer may have been that it is placed.
        for (const { id } of batches) this.#doubtful.add(id);
        this.#waiting.unshift(...batches);
        await new Promise((resolve) => setTimeout(resolve, backoff.nextMs()));
      }
    }
  }

  #takeWaiting(): Waiting[] {
    let commits = 0;
    const count = this.#waiting.findIndex((batch) => (commits += batch.commits.length) > ENTRY_COMMITS_MAX);
    return this.#waiting.splice(0, count === -1 ? this.#waiting.length : Math.max(1, count));
  }

  /** Writes one entry at the end of the log; what others placed of it meanwhile is left out. */
  async #append(batches: readonly Waiting[]): Promise<void> {
    // Its writer and the sweep may both have brought one.
    let left: readonly Batch[] = [...new Map(batches.map((batch) => [batch.id, batch])).values()];
    const sweptMs = performance.now() - SWEPT_MS_MIN;
    const isDoubtful = batches.some(({ id, announcedAtMs }) => announcedAtMs <= sweptMs || this.#doubtful.has(id));
    // In this order: what somebody else places after it was looked for collides with us.
    if (isDoubtful || this.#end === undefined) this.#end = await this.lastPosition();
    if (isDoubtful) left = await this.#dropPlaced(left);
    for (;;) {
      const commits = left.flatMap((batch) => batch.commits);
      const count = commits.reduce((sum, commit) => sum + commit.count, 0);
      if (count === 0) break;
      const entry: LogEntry = { id: this.#end, count, commits, batches: left.map(({ id }) => id) };
      const answer = await this.#connections.write<{ inserted: number; first_error?: string }>(
        this.#log.insert(this.#r.json(JSON.stringify(entry)), { durability: 'hard' }),
      );
      if (answer.inserted === 1) {
        this.#end += count;
        this.onPlaced();
        break;
      }
      if (!/Duplicate primary key/.test(answer.first_error ?? '')) {
        throw new EngineError('ENGINE_UNAVAILABLE', `RethinkDB: ${answer.first_error}`, { retryable: true });
      }
      left = await this.#catchUp(left);
    }
    for (const { id } of batches) {
      this.#doubtful.delete(id);
      this.#doubted.delete(id);
    }
    this.#deleteIntents(batches);
  }

  /** Others wrote at the end: goes there, and leaves out what they placed. */
  async #catchUp(batches: readonly Batch[]): Promise<readonly Batch[]> {
    const placed = new Set<string>();
    for (;;) {
      const entries = await this.#connections.read<LogEntry[]>(
        this.#queries
          .from(this.#end as number)
          .limit(100)
          .pluck('id', 'count', 'batches')
          .coerceTo('array'),
      );
      const following = withoutHole(entries, this.#end as number);
      const last = following.at(-1);
      if (!last) return batches.filter(({ id }) => !placed.has(id));
      for (const entry of following) for (const id of entry.batches) placed.add(id);
      this.#end = endOf(last);
    }
  }

  #deleteIntents(batches: readonly Batch[]): void {
    const ids = batches.map(({ id }) => INTENT + id);
    const gone = this.#commits.getAll(this.#r.args(ids)).delete({ durability: 'soft' });
    this.#connections.write(gone).catch(() => {
      // The sweep finds them placed, and deletes them.
    });
  }

  #sweepLater(): void {
    if (this.#closed) return;
    this.#sweepTimer = setTimeout(() => {
      this.#sweep()
        .catch(() => {
          // The next one tries again.
        })
        .finally(() => this.#sweepLater());
    }, SWEEP_MS);
    this.#sweepTimer.unref();
  }

  /** Batches that were there a while ago already: their writer died, or does not know what became of them. */
  async #sweep(): Promise<void> {
    const intents = this.#commits.between(INTENT, INTENTS_END).limit(SWEEP_BATCHES_MAX).coerceTo('array');
    const announced = await this.#connections.read<Batch[]>(intents);
    const all = new Map(announced.map((batch) => [batch.id.slice(INTENT.length), batch] as const));
    const found = [...new Map<string, Batch>([...this.#doubted, ...all])].map(([id, { commits }]) => ({ id, commits }));
    const nowMs = performance.now();
    const seen = new Map(found.map(({ id }) => [id, this.#seenBefore.get(id) ?? nowMs]));
    const old = found.filter(({ id }) => nowMs - (seen.get(id) as number) >= SWEEP_MS / 2);
    this.#seenBefore = seen;
    if (old.length === 0 || this.#placing) return;
    const unplaced = await this.#dropPlaced(old);
    this.#deleteIntentsOf(old, unplaced);
    for (const batch of unplaced) {
      const { stored, isCertain } = await this.#storedOf(batch);
      if (!isCertain && nowMs - (seen.get(batch.id) as number) <= MISSING_MS_MAX) continue;
      this.place({ id: batch.id, commits: stored }, LONG_AGO_MS);
    }
  }

  #deleteIntentsOf(all: readonly Batch[], but: readonly Batch[]): void {
    const placed = all.filter((batch) => !but.includes(batch));
    for (const { id } of placed) this.#doubted.delete(id);
    if (placed.length > 0) this.#deleteIntents(placed);
  }

  async #dropPlaced(batches: readonly Batch[]): Promise<Batch[]> {
    const ids = batches.map(({ id }) => id);
    const query = this.#log.getAll(this.#r.args(ids), { index: 'batches' }).pluck('batches').coerceTo('array');
    const placed = new Set(
      (await this.#connections.read<{ batches: string[] }[]>(query)).flatMap((each) => each.batches),
    );
    return batches.filter(({ id }) => !placed.has(id));
  }

  /** What of a batch is stored; certain if every key is taken, by it or by another. */
  async #storedOf({ commits }: Batch): Promise<{ stored: PlacedCommit[]; isCertain: boolean }> {
    const keys = commits.map(({ stream, first }) => commitKeyOf(stream, first));
    const found = await this.#reader.firstEventsOf(keys);
    const stored = commits.filter(({ event }, i) => found.get(keys[i] as string) === event);
    return { stored, isCertain: keys.every((key) => found.has(key)) };
  }

  async #last(): Promise<LogEntry | undefined> {
    return (await this.#connections.read<LogEntry[]>(this.#queries.last()))[0];
  }
}
