import type { Unwatch, Wake } from '../../../engine/duties/follow.js';
import type { Environment, Timer } from '../../../engine/environment/environment.js';
import { SYSTEM } from '../../../engine/environment/system-environment.js';
import { WakeTable } from '../../../engine/reading/wake-table.js';
import type { EventRecord } from '../../../kernel/values/event.js';
import type { Term } from '../connections/driver.js';
import { Feed } from '../connections/feed.js';
import type { FeedConnection } from '../connections/feed-connection.js';
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
 * Wakes whoever watches: for our own commits at once, for others' when their entry is written in the log, which says where each commit is. What has an
 * entry was acknowledged before, so a majority has it and it can be read at once. Because a changefeed may die in silence, drop, repeat or reorder, or tell of
 * what is rolled back, the log itself is looked at as well, by majority.
 */
export class Watcher implements CommitListener {
  readonly #wakes = new WakeTable();
  readonly #line: FeedConnection;
  readonly #log: PositionLog;
  readonly #commits: PlacedCommits;
  readonly #environment: Environment;
  readonly #feed: Feed;
  /** What we stored ourselves; its watchers got the events. */
  readonly #told = new Map<string, number>();
  /** Batches of which nobody here needs to be told when their entry is heard of. */
  readonly #toldBatches = new Set<string>();
  /** What to fetch for its watchers after this turn of the event loop, and streams whose watchers must read for themselves. */
  #news: PlacedCommit[] = [];
  readonly #due = new Set<string>();
  #allDue = false;
  #wakeScheduled = false;
  #begun: Promise<void> | undefined;
  /** Up to here the log was looked at. */
  #seenPosition = 0;
  /** Entries beyond that of which the feed told: which, by where they begin. Another may stand there in the end. */
  readonly #heardOf = new Map<number, string>();
  /** Entries that a look found, and the feed has not told of yet. */
  readonly #unannounced = new Set<string>();
  /** How often the feed was opened. */
  #opening = 0;
  #lookTimer: Timer | undefined;
  #closed = false;

  constructor(db: Term, line: FeedConnection, log: PositionLog, commits: PlacedCommits, environment = SYSTEM) {
    this.#line = line;
    this.#log = log;
    this.#commits = commits;
    this.#environment = environment;
    this.#feed = new Feed(
      line,
      db.table('log').changes({ squash: false }),
      (item) => this.#heard(item),
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
    if (this.#toldBatches.size < HEARD_MAX) this.#toldBatches.add(batch);
    for (const { streamId, version } of events) this.#tell(streamId, version);
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

  /** Whoever watches from now on reads afterwards, so it is enough to know what the log says after this. */
  #begin(): Promise<void> {
    this.#begun ??= this.#open().catch((error) => {
      this.#begun = undefined;
      throw error;
    });
    return this.#begun;
  }

  async #open(): Promise<void> {
    await this.#feed.open();
    this.#heardOf.clear();
    this.#unannounced.clear();
    this.#toldBatches.clear();
    this.#seenPosition = await this.#log.lastPosition();
    this.#lookLater();
  }

  #heard(item: unknown): void {
    const document = (item as { new_val?: LogDocument | null }).new_val;
    if (!document) return;
    try {
      this.#take(checked(document));
    } catch {
      // What can't be read is left to whoever reads the log, who is told what is wrong with it.
      this.#nudgeAll();
    }
  }

  #take(document: LogDocument): void {
    const { id, batches } = document;
    const name = nameOf(document);
    this.#unannounced.delete(name);
    if (id >= this.#seenPosition && this.#heardOf.size < HEARD_MAX) this.#heardOf.set(id, name);
    // Of what is only ours there is no need to look inside.
    const isTold = batches.filter((batch) => this.#toldBatches.delete(batch)).length === batches.length;
    if (isTold) this.#nudgeAll();
    else this.#wakeFor(unpackEntry(document));
  }

  #wakeFor({ commits }: LogEntry): void {
    for (const commit of commits) {
      const isOurs = (this.#told.get(commit.stream) ?? 0) >= commit.first + commit.count - 1;
      if (!isOurs && this.#wakes.hasStream(commit.stream)) this.#news.push(commit);
    }
    this.#nudgeAll();
  }

  /** What was said meanwhile is in the log; this feed need not tell of it any more. */
  #reopened(): void {
    this.#opening += 1;
    this.#unannounced.clear();
    this.#toldBatches.clear();
    if (this.#wakes.size === 0) return;
    this.#look().catch(() => {
      // The next look tries again.
    });
  }

  #lookLater(): void {
    if (this.#closed) return;
    this.#lookTimer = this.#environment.setTimeout(() => {
      // Whoever comes next begins anew: there is no need to go through all that nobody wanted to know.
      if (this.#wakes.size === 0) {
        this.#begun = undefined;
        return;
      }
      this.#lookForSilence()
        .catch(() => {
          // Whoever reads is told of the error; the next look tries again.
        })
        .finally(() => this.#lookLater());
    }, LOOK_AGAIN_MS);
    this.#lookTimer.unref();
  }

  /** Of what the last look found, the feed must have told by now. */
  async #lookForSilence(): Promise<void> {
    if (this.#unannounced.size > 0 && this.#feed.isOpen) await this.#line.drop();
    else await this.#look(this.#feed.isOpen ? this.#opening : undefined);
  }

  /** The log knows every commit. @param opening the time that the feed was opened that has to tell of what is found here, if one has. */
  async #look(opening?: number): Promise<void> {
    for (;;) {
      const from = this.#seenPosition;
      const outlines = await this.#log.outlinesFrom(from, LOOK_ENTRIES_MAX);
      const missed = new Set(outlines.filter((each) => this.#heardOf.get(each.id) !== nameOf(each)).map(nameOf));
      if (missed.size > 0) {
        const { entries } = await this.#log.entriesAfter(from, outlines.length);
        for (const entry of entries) if (missed.has(nameOf(entry))) this.#wakeFor(entry);
        if (opening === this.#opening) this.#awaitWordOf(outlines, missed);
      }
      const last = outlines.at(-1);
      if (last) this.#goTo(endOf(last));
      if (outlines.length < LOOK_ENTRIES_MAX) return;
    }
  }

  /** The feed has to tell of these, unless it has done so meanwhile. */
  #awaitWordOf(outlines: readonly Outline[], missed: ReadonlySet<string>): void {
    for (const outline of outlines) {
      const name = nameOf(outline);
      if (missed.has(name) && this.#heardOf.get(outline.id) !== name) this.#unannounced.add(name);
    }
  }

  #goTo(position: number): void {
    this.#seenPosition = Math.max(this.#seenPosition, position);
    for (const id of this.#heardOf.keys()) if (id < this.#seenPosition) this.#heardOf.delete(id);
  }

  #tell(streamId: string, version: number): void {
    this.#told.delete(streamId);
    this.#told.set(streamId, version);
    const [oldest] = this.#told.keys();
    if (this.#told.size > TOLD_MAX) this.#told.delete(oldest as string);
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
      void this.#bring();
      for (const streamId of this.#due) this.#wakes.nudge(streamId);
      this.#due.clear();
      if (this.#allDue) this.#wakes.nudgeAll();
      this.#allDue = false;
    });
  }

  /** One question for many commits of others; a watcher need not ask for itself. */
  async #bring(): Promise<void> {
    const commits = this.#news;
    this.#news = [];
    for (let at = 0; at < commits.length; ) {
      const some = asMany(commits, at, FETCH_EVENTS_MAX);
      at += some.length;
      try {
        this.#wakes.wakeStreams((await this.#commits.eventsOf(some)).flat());
      } catch {
        // Whoever reads for itself is told what is wrong.
        this.overtaken(some.map(({ stream }) => stream));
      }
    }
  }
}

/** How often the log is looked at for what the feed did not say. Milliseconds. */
export const LOOK_AGAIN_MS = 1_000;
/** Entries of the log in one look. */
const LOOK_ENTRIES_MAX = 100;
/** Streams of which it is remembered up to where this node stored them itself. */
const TOLD_MAX = 100_000;
/** Most events that are fetched in one go for those who watch, unless one commit has more. */
const FETCH_EVENTS_MAX = 1_000;
/** Entries of which it is remembered, until the next look, that the feed told of them; more are looked at again then. */
const HEARD_MAX = 10_000;

/** What tells an entry from another at the same place: a writer whose entry was lost puts the same batches there again, and what came meanwhile. */
function nameOf({ id, count, batches }: Outline): string {
  return `${id} ${count} ${batches.join(' ')}`;
}
