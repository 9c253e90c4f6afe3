import type { StorePage } from '../../../engine/duties/index.js';
import { type Environment, SYSTEM } from '../../../engine/environment/index.js';
import type { EventRecord } from '../../../kernel/values/index.js';
import { PAGE_LENGTH_MAX } from './commit-document.js';
import { endOf, type LogEntry, type PlacedCommit } from './log-entry.js';
import { asMany, type PlacedCommits } from './placed-commits.js';
import type { PositionLog } from './position-log.js';

/**
 * Reads the whole store in order of position. The position log tells which commits there are, with which event names,
 * so only those that matter are fetched.
 */
export class StoreReader {
  readonly #log: Pick<PositionLog, 'entriesAfter'>;
  readonly #commits: Pick<PlacedCommits, 'pageOf'>;
  readonly #environment: Environment;

  constructor(log: Pick<PositionLog, 'entriesAfter'>, commits: Pick<PlacedCommits, 'pageOf'>, environment = SYSTEM) {
    this.#log = log;
    this.#commits = commits;
    this.#environment = environment;
  }

  /**
   * Reads a page. It ends early when it is long or has taken long, because the log has no end to wait for while others
   * write.
   */
  async readAll(after: number, limit: number, names: readonly string[] | undefined): Promise<StorePage> {
    const page = new Page(after, limit, names);
    const deadlineMs = this.#environment.monotonicMs() + READ_MS_MAX;
    for (;;) {
      const { entries, ended } = await this.#log.entriesAfter(page.upTo, ENTRIES_MAX);
      await this.#take(entries, page);
      if (page.isFull) return { events: page.events, upTo: page.upTo, ended: false };
      if (ended || this.#environment.monotonicMs() >= deadlineMs)
        return { events: page.events, upTo: page.upTo, ended };
    }
  }

  /** Fetches the commits of these entries that the page wants, until it is full. */
  async #take(entries: readonly LogEntry[], page: Page): Promise<void> {
    const commits = entries.flatMap(commitsOf).filter((commit) => page.wants(commit));
    for (let at = 0; at < commits.length && !page.isFull; ) {
      const found = await this.#commits.pageOf(asMany(commits, at, page.room));
      for (const records of found) {
        if (page.isFull) return;
        page.add(placed(records, (commits[at] as Placed).before));
        at += 1;
      }
    }
    const last = entries.at(-1);
    if (last && !page.isFull) page.upTo = endOf(last);
  }
}

/** Most log entries read at once. */
const ENTRIES_MAX = 64;
/** After this time, a read asks the log for no more and gives what it has. Milliseconds. */
const READ_MS_MAX = 20;

/** What a read has found so far. */
class Page {
  readonly events: EventRecord[] = [];
  /** Every wanted event up to this position is in it. */
  upTo: number;
  isFull = false;
  #length = 0;
  readonly #limit: number;
  readonly #names: ReadonlySet<string> | undefined;

  constructor(after: number, limit: number, names: readonly string[] | undefined) {
    this.upTo = after;
    this.#limit = limit;
    this.#names = names && new Set(names);
  }

  /** How many more events it takes. */
  get room(): number {
    return this.#limit - this.events.length;
  }

  wants({ before, count, names }: Placed): boolean {
    const wanted = this.#names;
    return before + count > this.upTo && (!wanted || names.some((name) => wanted.has(name)));
  }

  /** Takes the wanted events of a commit. It is full after the commit that makes it long. */
  add(events: readonly EventRecord[]): void {
    for (const event of events) {
      if (event.position <= this.upTo || (this.#names && !this.#names.has(event.name))) continue;
      this.events.push(event);
      this.upTo = event.position;
      this.#length += event.data.length + event.metadata.length;
      if (this.room > 0) continue;
      this.isFull = true;
      return;
    }
    this.isFull = this.#length >= PAGE_LENGTH_MAX;
  }
}

/** A commit, and the position before its first event. */
type Placed = PlacedCommit & { readonly before: number };

function placed(records: readonly EventRecord[], before: number): EventRecord[] {
  return records.map(({ id, streamId, version, name, data, metadata }, i) => {
    return { id, streamId, version, position: before + i + 1, name, data, metadata };
  });
}

function commitsOf({ id, commits }: LogEntry): Placed[] {
  let before = id;
  return commits.map((commit) => {
    const placed = { ...commit, before };
    before += commit.count;
    return placed;
  });
}
