import type { EventRecord } from '../../kernel/values/index.js';
import type { FollowDuty, ReadDuty, StorePage, Unwatch, Wake } from '../duties/index.js';
import { type Environment, SYSTEM } from '../environment/index.js';
import { RecentPages } from './recent-pages.js';
import { wakeEach } from './wake-table.js';

/**
 * Shares an engine's reads and wake-ups among all who follow the same thing on this node: one watch, and one read where
 * several want the same page. A read is shared only by those who were woken before it began, so nobody gets an answer
 * older than what woke them. A reader that comes back to a place that others passed a moment ago needs no read of its
 * own. So however many come and go, they do not slow the others down.
 */
export class SharedReader implements ReadDuty, FollowDuty {
  readonly #engine: ReadDuty & FollowDuty;
  readonly #environment: Environment;
  readonly #streams = new Map<string, SharedWatch>();
  readonly #all: SharedWatch;
  readonly #recent = new RecentPages();

  constructor(engine: ReadDuty & FollowDuty, environment: Environment = SYSTEM) {
    this.#engine = engine;
    this.#environment = environment;
    this.#all = new SharedWatch(
      (wake) => engine.watchAll(wake),
      () => this.#recent.clear(),
      environment,
    );
  }

  watchStream(streamId: string, wake: Wake): Promise<Unwatch> {
    const watch = this.#streams.get(streamId) ?? this.#newSharedWatch(streamId);
    return watch.add(wake);
  }

  watchAll(wake: Wake): Promise<Unwatch> {
    return this.#all.add(wake);
  }

  readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]> {
    const read = () => this.#engine.readStream(streamId, after, limit);
    return this.#streams.get(streamId)?.share(`${after} ${limit}`, read) ?? read();
  }

  streamVersion(streamId: string): Promise<number> {
    return this.#engine.streamVersion(streamId);
  }

  readAll(after: number, limit: number, names?: readonly string[]): Promise<StorePage> {
    const question = names ? JSON.stringify(names) : '';
    return this.#all.share(`${after} ${limit} ${question}`, async () => {
      const recent = this.#recent.pageAfter(question, after, limit);
      if (recent) return recent;
      const page = await this.#engine.readAll(after, limit, names);
      if (this.#all.isWatched) this.#recent.add(question, after, page);
      return page;
    });
  }

  lastPosition(): Promise<number> {
    return this.#all.share('last', () => this.#engine.lastPosition());
  }

  #newSharedWatch(streamId: string): SharedWatch {
    const watch = new SharedWatch(
      (wake) => this.#engine.watchStream(streamId, wake),
      () => this.#streams.delete(streamId),
      this.#environment,
    );
    this.#streams.set(streamId, watch);
    return watch;
  }
}

/** One watch for many watchers, and the reads begun since it last woke them. */
class SharedWatch {
  readonly #open: (wake: Wake) => Promise<Unwatch>;
  readonly #left: () => void;
  readonly #environment: Environment;
  readonly #wakes = new Set<Wake>();
  readonly #answers = new Map<string, Promise<unknown>>();
  #opening: Promise<Unwatch> | undefined;
  #unwatch: Unwatch | undefined;
  /** Includes those who still wait for the watch to open. */
  #members = 0;

  /** @param left called when the last watcher has left. */
  constructor(open: (wake: Wake) => Promise<Unwatch>, left: () => void, environment: Environment) {
    this.#open = open;
    this.#left = left;
    this.#environment = environment;
  }

  /** Whether anybody watches. */
  get isWatched(): boolean {
    return this.#members > 0;
  }

  async add(wake: Wake): Promise<Unwatch> {
    this.#members += 1;
    const opening = (this.#opening ??= this.#open((events) => this.#wake(events)));
    try {
      this.#unwatch = await opening;
    } catch (error) {
      // The next watcher tries again.
      if (this.#opening === opening) this.#opening = undefined;
      this.#leave();
      throw error;
    }
    // Two watchers may share one function, so each gets an entry of its own.
    const entry: Wake = (events) => wake(events);
    this.#wakes.add(entry);
    return () => {
      if (this.#wakes.delete(entry)) this.#leave();
    };
  }

  /**
   * Shares a read with all who ask the same question, until the next wake-up, at most until one turn of the loop after
   * its answer.
   */
  share<T>(question: string, ask: () => Promise<T>): Promise<T> {
    // Nobody would be woken, so nobody would notice that an answer is out of date.
    if (this.#wakes.size === 0) return ask();
    const known = this.#answers.get(question);
    if (known) return known as Promise<T>;
    const answer = ask();
    this.#answers.set(question, answer);
    const forget = () =>
      this.#environment.setImmediate(() => {
        if (this.#answers.get(question) === answer) this.#answers.delete(question);
      });
    answer.then(forget, forget);
    return answer;
  }

  #wake(events: readonly EventRecord[]): void {
    this.#answers.clear();
    wakeEach(this.#wakes, events);
  }

  #leave(): void {
    this.#members -= 1;
    if (this.#members > 0) return;
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#opening = undefined;
    this.#answers.clear();
    this.#left();
  }
}
