// The real ones, also where a test runner has replaced the globals.
import { setImmediate, setTimeout } from 'node:timers';
import type { Unwatch, Wake } from '../../engine/follow.js';
import { WakeTable } from '../../engine/wake-table.js';
import type { EventRecord } from '../../kernel/event.js';
import type { CommitReader } from './commit-reader.js';
import type { CommitListener } from './commits.js';
import type { Term } from './driver.js';
import { Feed } from './feed.js';
import type { FeedLine } from './feed-line.js';
import type { PositionLog } from './position-log.js';

/** How often the log is looked at for what the feed did not say. Milliseconds. */
export const LOOK_AGAIN_MS = 1_000;
/**
 * A changefeed is faster than the disks of the majority that make a commit readable: how soon it is looked for again, and how much longer that takes
 * each time, up to how long. Milliseconds.
 */
const UNSEEN_LOOK_MS_MIN = 1;
const UNSEEN_LOOK_GROWTH = 1.2;
const UNSEEN_LOOK_MS_MAX = 20;
/** How long that goes on; the log tells of it then. Milliseconds. */
const UNSEEN_MS_MAX = 1_000;
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
  readonly #reader: CommitReader;
  readonly #commitFeed: Feed;
  readonly #logFeed: Feed;
  /** Keys that we are writing ourselves. */
  readonly #writing = new Set<string>();
  readonly #announced = new Map<string, number>();
  /** What we stored ourselves; its watchers got the events. */
  readonly #told = new Map<string, number>();
  /** What the feed told of and nobody could read yet. */
  readonly #unseen = new Map<string, { version: number; sinceMs: number }>();
  #unseenTimer: NodeJS.Timeout | undefined;
  #unseenLookMs = UNSEEN_LOOK_MS_MIN;
  /** Streams to wake in this turn of the event loop. */
  readonly #due = new Set<string>();
  #allDue = false;
  #wakeScheduled = false;
  #seenPosition: number | undefined;
  #lookTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(db: Term, line: FeedLine, log: PositionLog, reader: CommitReader) {
    this.#line = line;
    this.#log = log;
    this.#reader = reader;
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
    for (const { streamId, version } of events) {
      note(this.#announced, streamId, version);
      note(this.#told, streamId, version);
    }
    // Not from inside the append.
    setImmediate(() => this.#wakes.wakeStreams(events));
  }

  overtaken(streamIds: readonly string[]): void {
    for (const streamId of streamIds) this.#nudge(streamId);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#lookTimer);
    clearTimeout(this.#unseenTimer);
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
    if (!note(this.#announced, change.stream, change.last ?? 0) || !this.#wakes.hasStream(change.stream)) return;
    this.#nudge(change.stream);
    this.#unseen.set(change.stream, { version: change.last ?? 0, sinceMs: performance.now() });
    this.#unseenLookMs = UNSEEN_LOOK_MS_MIN;
    this.#lookAtUnseen();
  }

  #lookAtUnseen(): void {
    if (this.#unseenTimer || this.#closed) return;
    this.#unseenTimer = setTimeout(() => {
      this.#unseenTimer = undefined;
      const nowMs = performance.now();
      for (const [streamId, { version, sinceMs }] of this.#unseen) {
        const isOver = this.#reader.seen(streamId) >= version || nowMs - sinceMs > UNSEEN_MS_MAX;
        if (isOver) this.#unseen.delete(streamId);
        else this.#nudge(streamId);
      }
      if (this.#unseen.size > 0) this.#lookAtUnseen();
    }, this.#unseenLookMs);
    this.#unseenLookMs = Math.min(this.#unseenLookMs * UNSEEN_LOOK_GROWTH, UNSEEN_LOOK_MS_MAX);
    this.#unseenTimer.unref();
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
        const version = first + count - 1;
        if ((this.#told.get(stream) ?? 0) >= version || !this.#wakes.hasStream(stream)) continue;
        if (note(this.#announced, stream, version)) missed += 1;
        this.#nudge(stream);
      }
      this.#seenPosition = last.id + last.count;
      this.#nudgeAll();
    }
    if (missed > 0) await this.#line.drop();
  }
}

/** Writes down a higher version; false if that is no news. */
function note(versions: Map<string, number>, streamId: string, version: number): boolean {
  if ((versions.get(streamId) ?? 0) >= version) return false;
  versions.delete(streamId);
  versions.set(streamId, version);
  const [oldest] = versions.keys();
  if (versions.size > ANNOUNCED_MAX) versions.delete(oldest as string);
  return true;
}
