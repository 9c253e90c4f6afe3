// The real ones, also where a test runner has replaced the globals.
import { setImmediate, setTimeout } from 'node:timers';
import type { Unwatch, Wake } from '../../engine/follow.js';
import { WakeTable } from '../../engine/wake-table.js';
import type { EventRecord } from '../../kernel/event.js';
import type { CommitListener } from './commits.js';
import type { Term } from './driver.js';
import { Feed } from './feed.js';
import type { FeedLine } from './feed-line.js';
import type { PositionLog } from './position-log.js';

/** How often the log is looked at for what the feed did not say. Milliseconds. */
export const LOOK_AGAIN_MS = 1_000;
/** Entries of the log in one look. */
const LOOK_ENTRIES_MAX = 100;
/** Streams of which it is remembered up to where they were announced. */
const ANNOUNCED_MAX = 100_000;

/**
 * Wakes whoever watches: for our own commits at once, for others' when the changefeed tells of them, and, because a changefeed may die in silence, drop,
 * repeat or reorder, also when the log shows commits that it did not tell of.
 */
export class Watcher implements CommitListener {
  readonly #wakes = new WakeTable();
  readonly #line: FeedLine;
  readonly #log: PositionLog;
  readonly #commitFeed: Feed;
  readonly #logFeed: Feed;
  /** Keys that we are writing ourselves. */
  readonly #writing = new Set<string>();
  readonly #announced = new Map<string, number>();
  /** Streams to wake in this turn of the event loop. */
  readonly #due = new Set<string>();
  #allDue = false;
  #wakeScheduled = false;
  #seenPosition: number | undefined;
  #lookTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(db: Term, line: FeedLine, log: PositionLog) {
    this.#line = line;
    this.#log = log;
    const commits = db
      .table('commits')
      .changes({ squash: false })
      .pluck({ new_val: ['id', 'stream', 'last'] });
    const entries = db
      .table('log')
      .changes({ squash: false })
      .pluck({ new_val: ['id'] });
    this.#commitFeed = new Feed(
      line,
      commits,
      (item) => this.#heard(item),
      () => this.#nudgeEverybody(),
    );
    this.#logFeed = new Feed(
      line,
      entries,
      () => this.#nudgeAll(),
      () => this.#nudgeEverybody(),
    );
    log.onPlaced = () => this.#nudgeAll();
  }

  async watchStream(streamId: string, wake: Wake): Promise<Unwatch> {
    await this.#commitFeed.open();
    await this.#begin();
    return this.#wakes.addStream(streamId, wake);
  }

  async watchAll(wake: Wake): Promise<Unwatch> {
    await this.#logFeed.open();
    await this.#begin();
    return this.#wakes.addAll(wake);
  }

  writing(keys: readonly string[], isOver: boolean): void {
    for (const key of keys) {
      if (isOver) this.#writing.delete(key);
      else this.#writing.add(key);
    }
  }

  stored(events: readonly EventRecord[]): void {
    for (const { streamId, version } of events) this.#announce(streamId, version);
    // Not from inside the append.
    setImmediate(() => this.#wakes.wakeStreams(events));
  }

  overtaken(streamIds: readonly string[]): void {
    for (const streamId of streamIds) this.#nudge(streamId);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#lookTimer);
    this.#commitFeed.close();
    this.#logFeed.close();
    this.#wakes.clear();
  }

  async #begin(): Promise<void> {
    if (this.#lookTimer || this.#closed) return;
    this.#lookLater();
    this.#seenPosition ??= await this.#log.lastPosition().catch(() => undefined);
  }

  #heard(item: unknown): void {
    const change = (item as { new_val?: { id?: string; stream?: string; last?: number } | null }).new_val;
    if (!change?.stream || this.#writing.has(change.id ?? '')) return;
    if (!this.#announce(change.stream, change.last ?? 0)) return;
    this.#nudge(change.stream);
  }

  /** Whether that is news. */
  #announce(streamId: string, version: number): boolean {
    if ((this.#announced.get(streamId) ?? 0) >= version) return false;
    this.#announced.delete(streamId);
    this.#announced.set(streamId, version);
    const [oldest] = this.#announced.keys();
    if (this.#announced.size > ANNOUNCED_MAX) this.#announced.delete(oldest as string);
    return true;
  }

  #nudge(streamId: string): void {
    this.#due.add(streamId);
    this.#wakeSoon();
  }

  #nudgeAll(): void {
    this.#allDue = true;
    this.#wakeSoon();
  }

  #nudgeEverybody(): void {
    for (const streamId of this.#wakes.streams()) this.#due.add(streamId);
    this.#nudgeAll();
  }

  #wakeSoon(): void {
    if (this.#wakeScheduled) return;
    this.#wakeScheduled = true;
    setImmediate(() => {
      this.#wakeScheduled = false;
      const due = [...this.#due];
      this.#due.clear();
      for (const streamId of due) this.#wakes.nudge(streamId);
      if (this.#allDue) {
        this.#allDue = false;
        this.#wakes.nudgeAll();
      }
    });
  }

  #lookLater(): void {
    if (this.#closed) return;
    this.#lookTimer = setTimeout(() => {
      this.#look()
        .catch(() => {
          // Whoever reads is told of the error; the next look tries again.
        })
        .finally(() => this.#lookLater());
    }, LOOK_AGAIN_MS);
    this.#lookTimer.unref();
  }

  /** The log knows every commit, if a moment later than the feed should have told of it. */
  async #look(): Promise<void> {
    if (this.#wakes.size === 0) return;
    this.#seenPosition ??= await this.#log.lastPosition();
    let missed = 0;
    for (;;) {
      const entries = await this.#log.entriesAfter(this.#seenPosition, LOOK_ENTRIES_MAX);
      const last = entries.at(-1);
      if (!last) break;
      for (const { stream, first, count } of entries.flatMap(({ commits }) => commits)) {
        if (!this.#announce(stream, first + count - 1)) continue;
        if (this.#wakes.hasStream(stream)) missed += 1;
        this.#nudge(stream);
      }
      this.#seenPosition = last.id + last.count;
      this.#nudgeAll();
    }
    if (missed > 0) await this.#line.drop();
  }
}
