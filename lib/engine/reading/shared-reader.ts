import type { EventRecord } from '../../kernel/values/event.js';
import type { FollowDuty, Unwatch, Wake } from '../duties/follow.js';
import type { ReadDuty, StorePage } from '../duties/read.js';
import type { Environment } from '../environment/environment.js';
import { SYSTEM } from '../environment/system-environment.js';
import { RecentPages } from './recent-pages.js';
import { wakeEach } from './wake-table.js';

/**
 * Reads and wake-ups of an engine, shared by all who follow the same thing on this node: one watch, and one read where many want the same page. A read is
 * shared only by those who were woken before it began, so nobody gets an answer older than what woke them. Whoever comes back to a place that others have
 * read beyond a moment ago costs no read of their own: however many come and go, those who stay are not held up.
 */
export class SharedReader implements ReadDuty, FollowDuty {
  readonly #engine: ReadDuty & FollowDuty;
  readonly #environment: Environment;
  readonly #streams = new Map<string, Lookout>();
  readonly #all: Lookout;
  readonly #recent = new RecentPages();

  constructor(engine: ReadDuty & FollowDuty, environment: Environment = SYSTEM) {
    this.#engine = engine;
    this.#environment = environment;
    this.#all = new Lookout(
      (wake) => engine.watchAll(wake),
      () => this.#recent.clear(),
      environment,
    );
  }

  watchStream(streamId: string, wake: Wake): Promise<Unwatch> {
    const lookout = this.#streams.get(streamId) ?? this.#newLookout(streamId);
    return lookout.add(wake);
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

  #newLookout(streamId: string): Lookout {
    const lookout = new Lookout(
      (wake) => this.#engine.watchStream(streamId, wake),
      () => this.#streams.delete(streamId),
      this.#environment,
    );
    this.#streams.set(streamId, lookout);
    return lookout;
  }
}

/** One watch for many, and the answers that were asked for since it last woke them. */
class Lookout {
  readonly #open: (wake: Wake) => Promise<Unwatch>;
  readonly #left: () => void;
  readonly #environment: Environment;
  readonly #wakes = new Set<Wake>();
  readonly #answers = new Map<string, Promise<unknown>>();
  #opening: Promise<Unwatch> | undefined;
  #unwatch: Unwatch | undefined;
  /** Those who wait for the watch included. */
  #members = 0;

  /** @param left called when nobody is here any more. */
  constructor(open: (wake: Wake) => Promise<Unwatch>, left: () => void, environment: Environment) {
    this.#open = open;
    this.#left = left;
    this.#environment = environment;
  }

  /** Whether somebody is here. */
  get isWatched(): boolean {
    return this.#members > 0;
  }

  async add(wake: Wake): Promise<Unwatch> {
    this.#members += 1;
    const opening = (this.#opening ??= this.#open((events) => this.#wake(events)));
    try {
      this.#unwatch = await opening;
    } catch (error) {
      // Whoever comes next tries again.
      if (this.#opening === opening) this.#opening = undefined;
      this.#leave();
      throw error;
    }
    // Two may share one function: each gets an entry of its own.
    const entry: Wake = (events) => wake(events);
    this.#wakes.add(entry);
    return () => {
      if (this.#wakes.delete(entry)) this.#leave();
    };
  }

  /** The answer to the same question that was asked since the last wake-up, for as long as it is on its way and one turn of the loop more. */
  share<T>(question: string, ask: () => Promise<T>): Promise<T> {
    // Nobody is woken yet, so nobody would hear that an answer has become old.
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
