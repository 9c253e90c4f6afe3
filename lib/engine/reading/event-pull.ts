import { EngineError } from '../../kernel/values/errors.js';
import type { EventRecord } from '../../kernel/values/event.js';
import type { FollowDuty, Unwatch } from '../duties/follow.js';
import { READ_PAGE_EVENTS_MAX, type ReadDuty, type StorePage } from '../duties/read.js';
import { type Backoff, backoffIn } from '../environment/backoff.js';
import { type Environment, turnOfTheLoop } from '../environment/environment.js';
import { SYSTEM } from '../environment/system-environment.js';
import { contiguous } from './stream-follower.js';
import { WakeUps } from './wake-ups.js';

/**
 * History, then live, a page at a time and only when asked for: for readers that take their time over each event. In order, no hole, no repeat. Between two
 * calls it holds its place, and the little that wake-ups said comes next: who keeps up with a stream need not read it.
 */
export class EventPull {
  /** Called when it has looked and nothing was left to give out up to where it looked. */
  onSuspect: () => void = () => {};
  readonly #engine: ReadDuty & FollowDuty;
  readonly #source: PullSource;
  readonly #onRetry: (error: unknown) => void;
  readonly #environment: Environment;
  readonly #backoff: Backoff;
  #place: number;
  #quietAt: number;
  #watch: Promise<Unwatch> | undefined;
  readonly #wakeUps = new WakeUps();
  /** What wake-ups said comes after the place. */
  readonly #ahead: EventRecord[] = [];
  /** The last page was not the end. */
  #isOnTheWay = false;
  /** A page was read, and nothing was waited for since. */
  #hasRead = false;
  #wake: () => void = () => {};
  #stopped = false;

  /**
   * @param onRetry hears of each error after which it tries again.
   * @param environment where waits come from.
   */
  constructor(
    engine: ReadDuty & FollowDuty,
    source: PullSource,
    after: number,
    onRetry: (error: unknown) => void = () => {},
    environment: Environment = SYSTEM,
  ) {
    this.#engine = engine;
    this.#source = source;
    this.#place = after;
    this.#quietAt = after;
    this.#onRetry = onRetry;
    this.#environment = environment;
    this.#backoff = backoffIn(environment);
    // Nobody has looked yet.
    this.#wakeUps.hear();
  }

  /** Version of the stream (position, for names) up to which everything was given out. */
  get place(): number {
    return this.#place;
  }

  /** Up to where there was nothing left to give out when it last looked. */
  get quietAt(): number {
    return this.#quietAt;
  }

  /** Whether something was given out since, or it has not come to the end yet. */
  get isBehind(): boolean {
    return this.#place > this.#quietAt || this.#isOnTheWay;
  }

  /**
   * The next events, as soon as there are any; `undefined` once it is stopped. Not to be called again before it has answered.
   *
   * @throws EngineError that trying again does not mend.
   */
  async next(): Promise<readonly EventRecord[] | undefined> {
    while (!this.#stopped) {
      if (this.#ahead.length > 0) {
        this.#place += this.#ahead.length;
        return this.#ahead.splice(0);
      }
      if (!this.#wakeUps.isDue(this.#place)) {
        this.#nothingLeft();
        await this.#sleep();
        continue;
      }
      try {
        const events = await this.#look();
        if (events.length > 0) return this.#stopped ? undefined : events;
      } catch (error) {
        // Whoever ended it may have closed the engine since.
        if (this.#stopped) break;
        if (!(error instanceof EngineError && error.retryable)) throw error;
        this.#onRetry(error);
        await this.#sleep(this.#backoff.nextMs());
      }
    }
    return undefined;
  }

  /** Ends it for good; a call that waits answers. */
  stop(): void {
    this.#stopped = true;
    this.#watch?.then((unwatch) => unwatch()).catch(() => {});
    this.#wake();
  }

  /** Reads on, giving the event loop a turn between pages: an engine that answers at once would hold it up. */
  async #look(): Promise<readonly EventRecord[]> {
    if (this.#hasRead) await turnOfTheLoop(this.#environment);
    await this.#watching();
    if (this.#stopped) return [];
    this.#wakeUps.beginRead();
    const { events, upTo, ended } = await this.#read();
    this.#hasRead = true;
    this.#backoff.reset();
    this.#place = Math.max(this.#place, upTo);
    this.#isOnTheWay = !ended;
    if (ended) this.#wakeUps.reachedEnd();
    // Also if there is more behind it: whoever goes through much that is none of its business, or is always woken, comes further all the same.
    if (events.length === 0) this.#nothingLeft();
    return events;
  }

  #nothingLeft(): void {
    this.#quietAt = this.#place;
    this.onSuspect();
  }

  async #read(): Promise<StorePage> {
    const after = this.#place;
    if (!('stream' in this.#source)) return this.#engine.readAll(after, READ_PAGE_EVENTS_MAX, this.#source.names);
    const events = await this.#engine.readStream(this.#source.stream, after, READ_PAGE_EVENTS_MAX);
    return { events, upTo: events.at(-1)?.version ?? after, ended: events.length === 0 };
  }

  async #watching(): Promise<void> {
    this.#watch ??= this.#open();
    await this.#watch;
  }

  #open(): Promise<Unwatch> {
    const isStream = 'stream' in this.#source;
    const placeOf = ({ version, position }: EventRecord) => (isStream ? version : position);
    const wake = (hint: readonly EventRecord[]) => {
      if (!this.#takeAhead(hint)) {
        // What is held is read again with the rest.
        this.#ahead.length = 0;
        this.#wakeUps.hearOf(hint, placeOf);
      }
      this.#wake();
    };
    const watch =
      'stream' in this.#source ? this.#engine.watchStream(this.#source.stream, wake) : this.#engine.watchAll(wake);
    watch.then(
      (unwatch) => {
        if (this.#stopped) unwatch();
      },
      () => {
        this.#watch = undefined;
      },
    );
    return watch;
  }

  /** Whether what this says leaves nothing to read, because all before it is known and it continues that without a hole. */
  #takeAhead(hint: readonly EventRecord[]): boolean {
    if (this.#wakeUps.isDue(this.#place) || !('stream' in this.#source) || hint.length === 0) return false;
    const end = this.#place + this.#ahead.length;
    const fitting = contiguous(hint, end);
    if (this.#ahead.length + fitting.length > AHEAD_EVENTS_MAX) return false;
    if (hint.some(({ version }) => version > end + fitting.length)) return false;
    this.#ahead.push(...fitting);
    return true;
  }

  /** Until it is woken, or the time is over. */
  #sleep(ms?: number): Promise<void> {
    this.#hasRead = false;
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : this.#environment.setTimeout(resolve, ms).unref();
      this.#wake = () => {
        this.#environment.clearTimeout(timer);
        resolve();
      };
      if (this.#stopped) this.#wake();
    });
  }
}

/** Events that wake-ups brought along and nobody asked for yet; past that they are read when somebody does. */
const AHEAD_EVENTS_MAX = 256;

/** One stream; or the whole store, or what of it has one of some names. */
export type PullSource = { readonly stream: string } | { readonly names?: readonly string[] };
