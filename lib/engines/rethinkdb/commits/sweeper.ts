import type { Environment, Timer } from '../../../engine/environment/environment.js';
import { SYSTEM } from '../../../engine/environment/system-environment.js';
import type { Announcements } from './announcements.js';
import type { CommitReader } from './commit-reader.js';
import { commitKeyOf } from './keys.js';
import { Batch, type PlacedCommit } from './log-entry.js';
import { type PositionLog, SWEPT_MS_MIN } from './position-log.js';

/** Brings to the log what is stored and has no position: because its writer died, or does not know what became of it. */
export class Sweeper {
  readonly #announcements: Announcements;
  readonly #log: PositionLog;
  readonly #reader: CommitReader;
  readonly #environment: Environment;
  /** Our own, of which it is not even known whether they were announced. */
  readonly #doubted = new Map<string, Batch>();
  /** The same, by the commits that they hold. */
  readonly #doubtedBy = new Map<string, Batch>();
  /** Those of them that may be stored without what announces them: an insert of many documents can end in the middle. */
  readonly #unannounced = new Set<Batch>();
  /** Since when each announced batch is known to this node, by its monotonic clock. */
  #seenAtMs = new Map<string, number>();
  #timer: Timer | undefined;
  #sweeping = false;
  /** There is something to find that the present sweep may not see. */
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

  /** A batch of our own of which nobody knows what became of it. */
  doubt(batch: Batch): void {
    if (batch.commits.length === 0) return;
    this.#doubted.set(batch.id, batch);
    this.#unannounced.add(batch);
    for (const commit of batch.commits) this.#doubtedBy.set(keyOf(commit), batch);
  }

  /** Announces them once more: whoever finds what they stored may take it for stored only when nobody else can overlook it any more. */
  async announceDoubts(): Promise<void> {
    if (this.#unannounced.size === 0) return;
    const batches = [...this.#unannounced];
    await this.#announcements.write(batches);
    for (const batch of batches) this.#unannounced.delete(batch);
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
    this.#environment.clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = this.#environment.setTimeout(() => void this.#sweepNow(), this.#isDueSoon ? SOON_MS : SWEEP_MS);
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
    const nowMs = this.#environment.monotonicMs();
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
    for (const batch of old) await this.#settle(batch, placed.get(batch.id), nowMs);
  }

  /** Sees to what of a batch is stored and has no position. @param placed what was placed with it, if it was: that is final. */
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

  /** A batch has its place without these, and some of them were stored after all: they get theirs with another, that everybody calls the same. */
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

  /** It is not looked for any more. */
  #done(batch: Batch): void {
    this.#announcements.drop([batch.id]);
    this.#doubted.delete(batch.id);
    this.#unannounced.delete(batch);
    for (const commit of batch.commits) {
      if (this.#doubtedBy.get(keyOf(commit)) === batch) this.#doubtedBy.delete(keyOf(commit));
    }
  }

  /** Which of them are stored; certain if every key is taken, by it or by another. */
  async #storedOf(commits: readonly PlacedCommit[]): Promise<{ stored: PlacedCommit[]; isCertain: boolean }> {
    if (commits.length === 0) return { stored: [], isCertain: true };
    const keys = commits.map(({ stream, first }) => commitKeyOf(stream, first));
    const found = await this.#reader.firstEventsOf(keys);
    const stored = commits.filter(({ event }, i) => found.get(keys[i] as string) === event);
    return { stored, isCertain: keys.every((key) => found.has(key)) };
  }
}

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

/** The same events at another version are another commit. */
function keyOf({ event, first, count }: PlacedCommit): string {
  return `${event} ${first} ${count}`;
}
