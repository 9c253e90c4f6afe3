// The real one, also where a test runner has replaced the global.
import { setTimeout } from 'node:timers';
import type { Announcements } from './announcements.js';
import type { CommitReader } from './commit-reader.js';
import { commitKeyOf } from './keys.js';
import { Batch, type PlacedCommit } from './log-entry.js';
import { type PositionLog, SWEPT_MS_MIN } from './position-log.js';

/** How often the batches are looked for that some writer stored and could not place. Milliseconds. */
const SWEEP_MS = 1_000;
/** How soon they are looked for when it is known that there is something to find. Milliseconds. */
const SOON_MS = 20;
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
  /** The same, by the commits that they hold. */
  readonly #doubtedBy = new Map<string, Batch>();
  /** Since when each announced batch is known to this node, by its monotonic clock. */
  #seenAtMs = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #sweeping = false;
  /** There is something to find that the present sweep may not see. */
  #isDueSoon = false;
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
    if (batch.commits.length === 0) return;
    this.#doubted.set(batch.id, batch);
    for (const commit of batch.commits) this.#doubtedBy.set(keyOf(commit), batch);
  }

  /** The batch in doubt that holds this very commit. It belongs to that batch for good: in two of them it would have two places. */
  doubtOf(commit: PlacedCommit): Batch | undefined {
    return this.#doubtedBy.size > 0 ? this.#doubtedBy.get(keyOf(commit)) : undefined;
  }

  /** What was in doubt is known by now. */
  sweepSoon(): void {
    // Not put off by being asked for again.
    if (this.#isDueSoon) return;
    this.#isDueSoon = true;
    if (!this.#sweeping) this.#sweepLater();
  }

  /** One sweep at a time, and one that is due. */
  #sweepLater(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#sweepNow(), this.#isDueSoon ? SOON_MS : SWEEP_MS);
    this.#timer.unref();
  }

  async #sweepNow(): Promise<void> {
    this.#sweeping = true;
    this.#isDueSoon = false;
    await this.#sweep().catch(() => {
      // The next one tries again.
    });
    this.#sweeping = false;
    this.#sweepLater();
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
    const placed = await this.#log.placed(old.map(({ id }) => id));
    for (const batch of old) {
      const events = placed.get(batch.id);
      if (events) this.#done(batch, events);
      else await this.#place(batch, this.#knownForMs(batch.id, nowMs) > MISSING_MS_MAX);
    }
  }

  async #place(batch: Batch, isLate: boolean): Promise<void> {
    const { stored, isCertain } = await this.#storedOf(batch);
    if (!isCertain && !isLate) return;
    if (stored.length > 0) this.#log.place(new Batch(batch.id, stored), LONG_AGO_MS);
    else this.#done(batch, new Set(batch.commits.map(({ event }) => event)));
  }

  #knownForMs(id: string, nowMs: number): number {
    return nowMs - (this.#seenAtMs.get(id) ?? nowMs);
  }

  /** It is not looked for any more. What of our own was not stored in time to get a place with it may be yet, and then needs one. */
  #done({ id, commits }: Batch, events: ReadonlySet<string>): void {
    this.#announcements.drop([id]);
    if (!this.#doubted.delete(id)) return;
    for (const commit of commits) this.#doubtedBy.delete(keyOf(commit));
    const rest = commits.filter(({ event }) => !events.has(event));
    if (rest.length > 0) this.doubt(new Batch(`${id}+`, rest));
  }

  /** What of a batch is stored; certain if every key is taken, by it or by another. */
  async #storedOf({ commits }: Batch): Promise<{ stored: PlacedCommit[]; isCertain: boolean }> {
    const keys = commits.map(({ stream, first }) => commitKeyOf(stream, first));
    const found = await this.#reader.firstEventsOf(keys);
    const stored = commits.filter(({ event }, i) => found.get(keys[i] as string) === event);
    return { stored, isCertain: keys.every((key) => found.has(key)) };
  }
}

/** The same events at another version are another commit. */
function keyOf({ event, first, count }: PlacedCommit): string {
  return `${event} ${first} ${count}`;
}
