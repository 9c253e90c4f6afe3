import type { Unwatch, Wake } from '../../../engine/duties/index.js';
import { type Environment, SYSTEM, type Timer } from '../../../engine/environment/index.js';
import { WakeTable } from '../../../engine/reading/index.js';
import type { EventRecord } from '../../../kernel/values/index.js';
import { Feed, type FeedConnection, type Term } from '../connections/index.js';
import type { CommitListener } from './commits.js';
import {
  checked,
  endOf,
  type LogDocument,
  type LogEntry,
  type Outline,
  type PlacedCommit,
  unpackEntry,
} from './log-entry.js';
import { asMany, type PlacedCommits } from './placed-commits.js';
import type { PositionLog } from './position-log.js';

/**
 * Wakes watchers: for own commits at once, for those of others when their entry is in the position log. The entry tells
 * where each commit is, and a majority has it, so it can be read at once. A changefeed may stop silently, drop, repeat
 * or reorder entries, or report one that is rolled back. So the log itself is read as well, by majority.
 */
export class Watcher implements CommitListener {
  readonly #wakes = new WakeTable();
  readonly #connection: FeedConnection;
  readonly #log: PositionLog;
  readonly #commits: PlacedCommits;
  readonly #environment: Environment;
  readonly #feed: Feed;
  /** By stream, up to which version this node stored the commits itself. Its watchers already have those events. */
  readonly #ownVersions = new Map<string, number>();
  /** Batches whose log entries need not wake anybody on this node. */
  readonly #ownBatches = new Set<string>();
  /** Commits to fetch for watchers after this turn of the event loop. */
  #toFetch: PlacedCommit[] = [];
  readonly #due = new Set<string>();
  #allDue = false;
  #wakeScheduled = false;
  #begun: Promise<void> | undefined;
  /** The log was read up to this position. */
  #seenPosition = 0;
  /** Entries beyond it that the feed reported, by where they begin. Another entry may replace one in the end. */
  readonly #reported = new Map<number, string>();
  /** Entries that a read found, and that the feed still has to report. */
  readonly #expected = new Set<string>();
  /** How often the feed was opened. */
  #opening = 0;
  #lookTimer: Timer | undefined;
  #closed = false;

  constructor(db: Term, connection: FeedConnection, log: PositionLog, commits: PlacedCommits, environment = SYSTEM) {
    this.#connection = connection;
    this.#log = log;
    this.#commits = commits;
    this.#environment = environment;
    this.#feed = new Feed(
      connection,
      db.table('log').changes({ squash: false }),
      (item) => this.#onItem(item),
      () => this.#reopened(),
      environment,
    );
    log.onPlaced = () => this.#nudgeAll();
  }

  async watchStream(streamId: string, wake: Wake): Promise<Unwatch> {
    await this.#begin();
    return this.#wakes.addStream(streamId, wake);
  }

  async watchAll(wake: Wake): Promise<Unwatch> {
    await this.#begin();
    return this.#wakes.addAll(wake);
  }

  stored(events: readonly EventRecord[], batch: string): void {
    if (this.#ownBatches.size < REPORTED_MAX) this.#ownBatches.add(batch);
    for (const { streamId, version } of events) this.#rememberOwn(streamId, version);
    // Not from inside the append.
    this.#environment.setImmediate(() => this.#wakes.wakeStreams(events));
  }

  overtaken(streamIds: readonly string[]): void {
    for (const streamId of streamIds) this.#nudge(streamId);
  }

  close(): void {
    this.#closed = true;
    this.#environment.clearTimeout(this.#lookTimer);
    this.#feed.close();
    this.#wakes.clear();
  }

  /**
   * Opens the feed. Watchers read everything after they begin to watch, so it is enough to know the log from then on.
   */
  #begin(): Promise<void> {
    this.#begun ??= this.#open().catch((error) => {
      this.#begun = undefined;
      throw error;
    });
    return this.#begun;
  }

  async #open(): Promise<void> {
    await this.#feed.open();
    this.#reported.clear();
    this.#expected.clear();
    this.#ownBatches.clear();
    this.#seenPosition = await this.#log.lastPosition();
    this.#lookLater();
  }

  #onItem(item: unknown): void {
    const document = (item as { new_val?: LogDocument | null }).new_val;
    if (!document) return;
    try {
      this.#take(checked(document));
    } catch {
      // A document that cannot be read. Readers of the log get the error that says what is wrong.
      this.#nudgeAll();
    }
  }

  #take(document: LogDocument): void {
    const { id, batches } = document;
    const identity = identityOf(document);
    this.#expected.delete(identity);
    if (id >= this.#seenPosition && this.#reported.size < REPORTED_MAX) this.#reported.set(id, identity);
    // An entry with only our own batches need not be unpacked.
    const areOurs = batches.filter((batch) => this.#ownBatches.delete(batch)).length === batches.length;
    if (areOurs) this.#nudgeAll();
    else this.#wakeFor(unpackEntry(document));
  }

  #wakeFor({ commits }: LogEntry): void {
    for (const commit of commits) {
      const isOurs = (this.#ownVersions.get(commit.stream) ?? 0) >= commit.first + commit.count - 1;
      if (!isOurs && this.#wakes.hasStream(commit.stream)) this.#toFetch.push(commit);
    }
    this.#nudgeAll();
  }

  /** What the feed missed meanwhile is in the log, and the new feed need not report it. */
  #reopened(): void {
    this.#opening += 1;
    this.#expected.clear();
    this.#ownBatches.clear();
    if (this.#wakes.size === 0) return;
    this.#look().catch(() => {
      // The next look tries again.
    });
  }

  #lookLater(): void {
    if (this.#closed) return;
    this.#lookTimer = this.#environment.setTimeout(() => {
      // The next watcher begins anew, so entries that nobody waits for need not be read.
      if (this.#wakes.size === 0) {
        this.#begun = undefined;
        return;
      }
      this.#checkFeed()
        .catch(() => {
          // Readers get the error. The next look tries again.
        })
        .finally(() => this.#lookLater());
    }, LOOK_AGAIN_MS);
    this.#lookTimer.unref();
  }

  /** Reads the log again. If the feed has not reported what the last look found, it is reopened. */
  async #checkFeed(): Promise<void> {
    if (this.#expected.size > 0 && this.#feed.isOpen) await this.#connection.drop();
    else await this.#look(this.#feed.isOpen ? this.#opening : undefined);
  }

  /**
   * Reads the entries that were not seen yet: the log has every commit.
   *
   * @param opening the opening of the feed that has to report what is found here; none if the feed is not open.
   */
  async #look(opening?: number): Promise<void> {
    for (;;) {
      const from = this.#seenPosition;
      const outlines = await this.#log.outlinesFrom(from, LOOK_ENTRIES_MAX);
      const missed = new Set(
        outlines.filter((each) => this.#reported.get(each.id) !== identityOf(each)).map(identityOf),
      );
      if (missed.size > 0) {
        const { entries } = await this.#log.entriesAfter(from, outlines.length);
        for (const entry of entries) if (missed.has(identityOf(entry))) this.#wakeFor(entry);
        if (opening === this.#opening) this.#expectReport(outlines, missed);
      }
      const last = outlines.at(-1);
      if (last) this.#goTo(endOf(last));
      if (outlines.length < LOOK_ENTRIES_MAX) return;
    }
  }

  /** Expects the feed to report these entries, unless it has done so meanwhile. */
  #expectReport(outlines: readonly Outline[], missed: ReadonlySet<string>): void {
    for (const outline of outlines) {
      const identity = identityOf(outline);
      if (missed.has(identity) && this.#reported.get(outline.id) !== identity) this.#expected.add(identity);
    }
  }

  #goTo(position: number): void {
    this.#seenPosition = Math.max(this.#seenPosition, position);
    for (const id of this.#reported.keys()) if (id < this.#seenPosition) this.#reported.delete(id);
  }

  #rememberOwn(streamId: string, version: number): void {
    this.#ownVersions.delete(streamId);
    this.#ownVersions.set(streamId, version);
    const [oldest] = this.#ownVersions.keys();
    if (this.#ownVersions.size > OWN_STREAMS_MAX) this.#ownVersions.delete(oldest as string);
  }

  #nudge(streamId: string): void {
    this.#due.add(streamId);
    this.#wakeSoon();
  }

  #nudgeAll(): void {
    this.#allDue = true;
    this.#wakeSoon();
  }

  #wakeSoon(): void {
    if (this.#wakeScheduled) return;
    this.#wakeScheduled = true;
    this.#environment.setImmediate(() => {
      this.#wakeScheduled = false;
      void this.#fetchForWatchers();
      for (const streamId of this.#due) this.#wakes.nudge(streamId);
      this.#due.clear();
      if (this.#allDue) this.#wakes.nudgeAll();
      this.#allDue = false;
    });
  }

  /** Fetches many commits of others with one query, so that their watchers need not read. */
  async #fetchForWatchers(): Promise<void> {
    const commits = this.#toFetch;
    this.#toFetch = [];
    for (let at = 0; at < commits.length; ) {
      const some = asMany(commits, at, FETCH_EVENTS_MAX);
      at += some.length;
      try {
        this.#wakes.wakeStreams((await this.#commits.eventsOf(some)).flat());
      } catch {
        // Watchers then read for themselves, and get the error.
        this.overtaken(some.map(({ stream }) => stream));
      }
    }
  }
}

/** How often the log is read for entries that the feed did not report. Milliseconds. */
export const LOOK_AGAIN_MS = 1_000;
/** Most log entries in one look. */
const LOOK_ENTRIES_MAX = 100;
/** Most streams of which it is remembered up to which version this node stored them. */
const OWN_STREAMS_MAX = 100_000;
/** Most events fetched for watchers at once, unless one commit has more. */
const FETCH_EVENTS_MAX = 1_000;
/** Most reported entries that are remembered until the next look. Further ones are read again then. */
const REPORTED_MAX = 10_000;

/** Identifies an entry. After a loss, its writer may write another one at the same place, with more batches. */
function identityOf({ id, count, batches }: Outline): string {
  return `${id} ${count} ${batches.join(' ')}`;
}
