import { EngineError } from '../kernel/errors.js';
import type { EventRecord } from '../kernel/event.js';
import { type Backoff, backoffIn } from './backoff.js';
import type { Environment } from './environment.js';
import type { FollowDuty, Unwatch } from './follow.js';
import { READ_PAGE_EVENTS_MAX, type ReadDuty } from './read.js';
import { contiguous } from './stream-follower.js';
import { SYSTEM } from './system-environment.js';

/** Events that wake-ups brought along and nobody asked for yet; past that they are read when somebody does. */
const AHEAD_EVENTS_MAX = 256;

/** One stream; or the whole store, or what of it has one of some names. */
export type PullSource = { readonly stream: string } | { readonly names?: readonly string[] };

/**
 * History, then live, a page at a time and only when asked for: for readers that take their time over each event. In order, no hole, no repeat. Between two
 * calls it holds its place, and the little that wake-ups said comes next: who keeps up with a stream need not read it.
 */
export class EventPull {
  /** Called when it has looked and nothing was left to give out. */
  onQuiet: () => void = () => {};
  readonly #engine: ReadDuty & FollowDuty;
  readonly #source: PullSource;
  readonly #onRetry: (error: unknown) => void;
  readonly #environment: Environment;
  readonly #backoff: Backoff;
  #place: number;
  #quietAt: number;
  #watch: Promise<Unwatch> | undefined;
  /** Everything up to the place and what is ahead is all that there is, as long as nobody says otherwise. */
  #knowsAll = false;
  /** What wake-ups said comes after the place. */
  readonly #ahead: EventRecord[] = [];
  #woken = false;
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
  }

  /** Version of the stream (position, for names) up to which everything was given out. */
  get place(): number {
    return this.#place;
  }

  /** Up to where there was nothing left to give out when it last looked. */
  get quietAt(): number {
    return this.#quietAt;
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
      if (this.#knowsAll) {
        this.#nothingLeft();
        await this.#sleep();
        continue;
      }
      try {
        const events = await this.#look();
        if (events.length > 0) return this.#stopped ? undefined : events;
      } catch (error) {
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

  /** Reads on. What wakes it meanwhile may know of something that this does not show. */
  async #look(): Promise<readonly EventRecord[]> {
    this.#woken = false;
    await this.#watching();
    if (this.#stopped) return [];
    const events = await this.#read();
    this.#backoff.reset();
    this.#knowsAll = events.length === 0 && !this.#woken;
    if (events.length === 0 && this.#woken) this.#nothingLeft();
    return events;
  }

  #nothingLeft(): void {
    this.#quietAt = this.#place;
    this.onQuiet();
  }

  async #read(): Promise<readonly EventRecord[]> {
    if ('stream' in this.#source) {
      const events = await this.#engine.readStream(this.#source.stream, this.#place, READ_PAGE_EVENTS_MAX);
      this.#place = events.at(-1)?.version ?? this.#place;
      return events;
    }
    // Asked first, so that a reader of rare names need not look again at all that has other names.
    const upTo = await this.#engine.lastPosition();
    if (upTo <= this.#place) return [];
    const events = await this.#engine.readAll(this.#place, READ_PAGE_EVENTS_MAX, this.#source.names);
    this.#place = events.at(-1)?.position ?? Math.max(this.#place, upTo);
    return events;
  }

  async #watching(): Promise<void> {
    this.#watch ??= this.#open();
    await this.#watch;
  }

  #open(): Promise<Unwatch> {
    const wake = (hint: readonly EventRecord[]) => {
      if (!this.#takeAhead(hint)) {
        this.#knowsAll = false;
        this.#ahead.length = 0;
        this.#woken = true;
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
    if (!this.#knowsAll || !('stream' in this.#source) || hint.length === 0) return false;
    const end = this.#place + this.#ahead.length;
    const fitting = contiguous(hint, end);
    if (this.#ahead.length + fitting.length > AHEAD_EVENTS_MAX) return false;
    if (hint.some(({ version }) => version > end + fitting.length)) return false;
    this.#ahead.push(...fitting);
    return true;
  }

  /** Until it is woken, or the time is over. */
  #sleep(ms?: number): Promise<void> {
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
