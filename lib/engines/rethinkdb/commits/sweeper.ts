import { type Environment, SYSTEM, type Timer } from '../../../engine/environment/index.js';
import type { Announcements } from './announcements.js';
import type { CommitReader } from './commit-reader.js';
import { commitKeyOf } from './keys.js';
import { Batch, type PlacedCommit } from './log-entry.js';
import { type PositionLog, SWEPT_MS_MIN } from './position-log.js';

/**
 * Finds commits that are stored but have no position, and brings them to the position log. Their writer died, or it is
 * in doubt: it does not know whether they were stored.
 */
export class Sweeper {
  readonly #announcements: Announcements;
  readonly #log: PositionLog;
  readonly #reader: CommitReader;
  readonly #environment: Environment;
  /** This node's batches in doubt. They may not even have been announced. */
  readonly #doubted = new Map<string, Batch>();
  /** The same batches, by the commits that they hold. */
  readonly #doubtedBy = new Map<string, Batch>();
  /**
   * Those in doubt that may be stored without their announcement, because an insert of many documents can end in the
   * middle.
   */
  readonly #unannounced = new Set<Batch>();
  /** Since when this node has known each announced batch, by its monotonic clock. */
  #seenAtMs = new Map<string, number>();
  #timer: Timer | undefined;
  #sweeping = false;
  /** Whether there is something to find that the current sweep may not see. */
  #isDueSoon = false;
  #closed = false;

  constructor(announcements: Announcements, log: PositionLog, reader: CommitReader, environment = SYSTEM) {
    this.#announcements = announcements;
    this.#log = log;
    this.#reader = reader;
    this.#environment = environment;
  }

  start(): void {
    this.#sweepLater();
  }

  close(): void {
    this.#closed = true;
    this.#environment.clearTimeout(this.#timer);
  }

  /** Remembers a batch of this node of which it is unknown whether it was stored. */
  doubt(batch: Batch): void {
    if (batch.commits.length === 0) return;
    this.#doubted.set(batch.id, batch);
    this.#unannounced.add(batch);
    for (const commit of batch.commits) this.#doubtedBy.set(keyOf(commit), batch);
  }

  /**
   * Announces the batches in doubt again. A reader that finds their commits may count them as stored only once other
   * nodes cannot overlook them.
   */
  async announceDoubts(): Promise<void> {
    if (this.#unannounced.size === 0) return;
    const batches = [...this.#unannounced];
    await this.#announcements.write(batches);
    for (const batch of batches) this.#unannounced.delete(batch);
  }

  /**
   * Returns the batch in doubt that holds exactly this commit. The commit stays with that batch: in two batches, it
   * would get two positions.
   */
  doubtOf(commit: PlacedCommit): Batch | undefined {
    return this.#doubtedBy.size > 0 ? this.#doubtedBy.get(keyOf(commit)) : undefined;
  }

  /** To be called when the outcome of a batch in doubt is known by now. */
  sweepSoon(): void {
    // A second call does not put it off.
    if (this.#isDueSoon) return;
    this.#isDueSoon = true;
    if (!this.#sweeping) this.#sweepLater();
  }

  /** Plans the next sweep: one at a time, and soon if one is due. */
  #sweepLater(): void {
    this.#environment.clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = this.#environment.setTimeout(() => void this.#sweepNow(), this.#isDueSoon ? SOON_MS : SWEEP_MS);
    this.#timer.unref();
  }

  async #sweepNow(): Promise<void> {
    this.#sweeping = true;
    this.#isDueSoon = false;
    await this.#sweep().catch(() => {
      // The next sweep tries again.
    });
    this.#sweeping = false;
    this.#sweepLater();
  }

  async #sweep(): Promise<void> {
    const announced = await this.#announcements.ids();
    const nowMs = this.#environment.monotonicMs();
    const ids = new Set([...this.#doubted.keys(), ...announced]);
    this.#seenAtMs = new Map([...ids].map((id) => [id, this.#seenAtMs.get(id) ?? nowMs]));
    const others = announced.filter((id) => !this.#doubted.has(id) && this.#knownForMs(id, nowMs) >= OLD_MS);
    // A batch in doubt is old at once: its writer, this node, has given it up.
    const old = [
      ...this.#doubted.values(),
      ...(await this.#announcements.read(others.slice(0, SWEEP_BATCHES_MAX))),
    ].slice(0, SWEEP_BATCHES_MAX);
    if (old.length === 0) return;
    const placed = await this.#log.placed(old.map(({ id }) => id));
    for (const batch of old) await this.#settle(batch, placed.get(batch.id), nowMs);
  }

  /**
   * Deals with the commits of a batch that are stored without a position.
   *
   * @param placed the commits that were placed with the batch, if it was placed. That is final.
   */
  async #settle(batch: Batch, placed: ReadonlySet<string> | undefined, nowMs: number): Promise<void> {
    const rest = placed ? batch.commits.filter(({ event }) => !placed.has(event)) : batch.commits;
    const { stored, isCertain } = await this.#storedOf(rest);
    const isOver = isCertain || this.#knownForMs(batch.id, nowMs) > MISSING_MS_MAX;
    if (stored.length === 0) {
      if (isOver) this.#done(batch);
    } else if (placed) {
      await this.#followUp(batch, rest);
      this.#done(batch);
    } else if (isOver) this.#log.place(new Batch(batch.id, stored), LONG_AGO_MS);
  }

  /**
   * Gives positions to commits that were stored although their batch got its positions without them. They go into
   * another batch, whose id all nodes derive in the same way.
   */
  async #followUp(batch: Batch, commits: readonly PlacedCommit[]): Promise<void> {
    const next = new Batch(`${batch.id}+`, commits);
    await this.#announcements.write([next]);
    if (!this.#doubted.has(batch.id)) return;
    this.doubt(next);
    this.#unannounced.delete(next);
  }

  #knownForMs(id: string, nowMs: number): number {
    return nowMs - (this.#seenAtMs.get(id) ?? nowMs);
  }

  /** Ends the search for this batch. */
  #done(batch: Batch): void {
    this.#announcements.drop([batch.id]);
    this.#doubted.delete(batch.id);
    this.#unannounced.delete(batch);
    for (const commit of batch.commits) {
      if (this.#doubtedBy.get(keyOf(commit)) === batch) this.#doubtedBy.delete(keyOf(commit));
    }
  }

  /**
   * Resolves to those commits that are stored. It is certain if every key is taken, by the commit or by another one.
   */
  async #storedOf(commits: readonly PlacedCommit[]): Promise<{ stored: PlacedCommit[]; isCertain: boolean }> {
    if (commits.length === 0) return { stored: [], isCertain: true };
    const keys = commits.map(({ stream, first }) => commitKeyOf(stream, first));
    const found = await this.#reader.firstEventsOf(keys);
    const stored = commits.filter(({ event }, i) => found.get(keys[i] as string) === event);
    return { stored, isCertain: keys.every((key) => found.has(key)) };
  }
}

/** How often announced batches without positions are looked for. Milliseconds. */
const SWEEP_MS = 1_000;
/** How soon they are looked for when it is known that there is something to find. Milliseconds. */
const SOON_MS = 20;
/** From this age on, an announced batch is not about to be placed by its writer. Milliseconds. */
const OLD_MS = SWEPT_MS_MIN + 500;
/** From this age on, a batch is placed without its missing commits: they cannot be under way any more. Milliseconds. */
const MISSING_MS_MAX = 60_000;
/** Most batches swept at once. */
const SWEEP_BATCHES_MAX = 100;
/** It is unknown when a batch that a sweep found was announced, so it counts as old. */
const LONG_AGO_MS = Number.NEGATIVE_INFINITY;

/** The same events at another version are another commit. */
function keyOf({ event, first, count }: PlacedCommit): string {
  return `${event} ${first} ${count}`;
}
