import { EngineError, type EventRecord } from '../../kernel/values/index.js';
import { type FollowDuty, READ_PAGE_EVENTS_MAX, type ReadDuty, type StorePage, type Unwatch } from '../duties/index.js';
import { type Backoff, backoffIn, type Environment, SYSTEM, turnOfTheLoop } from '../environment/index.js';
import { contiguous } from './stream-follower.js';
import { WakeUps } from './wake-ups.js';

/**
 * Reads history, then live events, a page at a time and only when asked: for readers that take their time over each
 * event. Events come in order, without gap or repeat. Between two calls it keeps its place and a few events from
 * wake-ups, so a reader that keeps up need not read the store.
 */
export class EventPull {
  /** Called when it has looked and found nothing left to give out. */
  onCaughtUp: () => void = () => {};
  readonly #engine: ReadDuty & FollowDuty;
  readonly #source: PullSource;
  readonly #onRetry: (error: unknown) => void;
  readonly #environment: Environment;
  readonly #backoff: Backoff;
  #place: number;
  #caughtUpTo: number;
  #watch: Promise<Unwatch> | undefined;
  readonly #wakeUps = new WakeUps();
  /** Events from wake-ups that continue after `place`. */
  readonly #ahead: EventRecord[] = [];
  /** Whether the last page was not the end. */
  #isOnTheWay = false;
  /** Whether a page was read since it last waited. */
  #hasRead = false;
  #wake: () => void = () => {};
  #stopped = false;

  /**
   * @param source one stream, the whole store, or the events of some names.
   * @param after version (of a stream) or position (of the store) to begin after; 0 for all.
   * @param onRetry called with each error after which it tries again.
   * @param environment where waits come from. Default: the machine.
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
    this.#caughtUpTo = after;
    this.#onRetry = onRetry;
    this.#environment = environment;
    this.#backoff = backoffIn(environment);
    // Nothing has been read yet, so there may be something.
    this.#wakeUps.hear();
  }

  /** Version (of a stream) or position (of the store) up to which everything was given out. */
  get place(): number {
    return this.#place;
  }

  /** The place at which nothing was left to give out when it last looked. */
  get caughtUpTo(): number {
    return this.#caughtUpTo;
  }

  /** Whether events were given out since then, or the end has not been reached yet. */
  get isBehind(): boolean {
    return this.#place > this.#caughtUpTo || this.#isOnTheWay;
  }

  /**
   * Resolves to the next events as soon as there are any, or to `undefined` once it is stopped. Wait for the answer
   * before you call it again.
   *
   * @throws EngineError that is not `retryable`.
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
        // The engine may have been closed after this was stopped.
        if (this.#stopped) break;
        if (!(error instanceof EngineError && error.retryable)) throw error;
        this.#onRetry(error);
        await this.#sleep(this.#backoff.nextMs());
      }
    }
    return undefined;
  }

  /** Stops for good. A call that waits resolves to `undefined`. */
  stop(): void {
    this.#stopped = true;
    this.#watch?.then((unwatch) => unwatch()).catch(() => {});
    this.#wake();
  }

  /**
   * Reads one page. Between pages the event loop has its turn, because an engine that answers at once would block it.
   */
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
    // This counts even if there is more to read: a reader of few names, or one that is always woken, still makes
    // progress.
    if (events.length === 0) this.#nothingLeft();
    return events;
  }

  #nothingLeft(): void {
    this.#caughtUpTo = this.#place;
    this.onCaughtUp();
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
        // The events kept are read again with the rest.
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

  /**
   * Takes events from a wake-up if they continue without a gap what is known. Returns whether nothing is left to read.
   */
  #takeAhead(hint: readonly EventRecord[]): boolean {
    if (this.#wakeUps.isDue(this.#place) || !('stream' in this.#source) || hint.length === 0) return false;
    const end = this.#place + this.#ahead.length;
    const fitting = contiguous(hint, end);
    if (this.#ahead.length + fitting.length > AHEAD_EVENTS_MAX) return false;
    if (hint.some(({ version }) => version > end + fitting.length)) return false;
    this.#ahead.push(...fitting);
    return true;
  }

  /** Waits until it is woken, or until `ms` milliseconds are over. */
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

/** Most events from wake-ups that wait to be asked for. Past that, they are read from the store instead. */
const AHEAD_EVENTS_MAX = 256;

/** What to read: one stream, the whole store, or the store's events of some names. */
export type PullSource = { readonly stream: string } | { readonly names?: readonly string[] };
