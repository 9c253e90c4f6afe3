// The real one, also where a test runner has replaced the global.
import { setTimeout } from 'node:timers';
import type { Announcements } from './announcements.js';
import type { CommitReader } from './commit-reader.js';
import { commitKeyOf } from './keys.js';
import type { Batch, PlacedCommit } from './log-entry.js';
import { type PositionLog, SWEPT_MS_MIN } from './position-log.js';

/** How often the batches are looked for that some writer stored and could not place. Milliseconds. */
const SWEEP_MS = 1_000;
/** A batch that has been announced for so long is not about to be placed by its writer. Milliseconds. */
const OLD_MS = SWEPT_MS_MIN + 500;
/** A batch of which parts are missing is placed without them after so long: nothing of it can be under way any more. Milliseconds. */
const MISSING_MS_MAX = 60_000;
/** Most batches swept at once. */
const SWEEP_BATCHES_MAX = 100;
/** What was found in a sweep was announced nobody knows when. */
const LONG_AGO_MS = Number.NEGATIVE_INFINITY;

/** Brings to the log what is stored and has no position: because its writer died, or does not know what became of it. */
export class Sweeper {
  readonly #announcements: Announcements;
  readonly #log: PositionLog;
  readonly #reader: CommitReader;
  /** Our own, of which it is not even known whether they were announced. */
  readonly #doubted = new Map<string, Batch>();
  /** Since when each announced batch is known to this node, by its monotonic clock. */
  #seenAtMs = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(announcements: Announcements, log: PositionLog, reader: CommitReader) {
    this.#announcements = announcements;
    this.#log = log;
    this.#reader = reader;
  }

  start(): void {
    this.#sweepLater();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** A batch of our own of which nobody knows what became of it. */
  doubt(batch: Batch): void {
    this.#doubted.set(batch.id, batch);
  }

  #sweepLater(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#sweep()
        .catch(() => {
          // The next one tries again.
        })
        .finally(() => this.#sweepLater());
    }, SWEEP_MS);
    this.#timer.unref();
  }

  async #sweep(): Promise<void> {
    const announced = await this.#announcements.ids();
    const nowMs = performance.now();
    const ids = new Set([...this.#doubted.keys(), ...announced]);
    this.#seenAtMs = new Map([...ids].map((id) => [id, this.#seenAtMs.get(id) ?? nowMs]));
    const others = announced.filter((id) => !this.#doubted.has(id) && this.#knownForMs(id, nowMs) >= OLD_MS);
    // What is in doubt was given up by its writer, which is us.
    const old = [
      ...this.#doubted.values(),
      ...(await this.#announcements.read(others.slice(0, SWEEP_BATCHES_MAX))),
    ].slice(0, SWEEP_BATCHES_MAX);
    if (old.length === 0) return;
    const unplaced = await this.#log.unplaced(old);
    this.#forget(old.filter((batch) => !unplaced.includes(batch)));
    for (const batch of unplaced) {
      const { stored, isCertain } = await this.#storedOf(batch);
      if (!isCertain && this.#knownForMs(batch.id, nowMs) <= MISSING_MS_MAX) continue;
      if (stored.length === 0) this.#forget([batch]);
      else this.#log.place({ id: batch.id, commits: stored }, LONG_AGO_MS);
    }
  }

  #knownForMs(id: string, nowMs: number): number {
    return nowMs - (this.#seenAtMs.get(id) ?? nowMs);
  }

  /** Nothing of these needs a place any more. */
  #forget(batches: readonly Batch[]): void {
    for (const { id } of batches) this.#doubted.delete(id);
    if (batches.length > 0) this.#announcements.drop(batches.map(({ id }) => id));
  }

  /** What of a batch is stored; certain if every key is taken, by it or by another. */
  async #storedOf({ commits }: Batch): Promise<{ stored: PlacedCommit[]; isCertain: boolean }> {
    const keys = commits.map(({ stream, first }) => commitKeyOf(stream, first));
    const found = await this.#reader.firstEventsOf(keys);
    const stored = commits.filter(({ event }, i) => found.get(keys[i] as string) === event);
    return { stored, isCertain: keys.every((key) => found.has(key)) };
  }
}
