import { EngineError, type EventRecord } from '../../kernel/values/index.js';
import type { StorePage, Unwatch, Wake } from '../duties/index.js';
import { type Backoff, backoffIn, type Environment, SYSTEM, type Timer, turnOfTheLoop } from '../environment/index.js';
import { WakeUps } from './wake-ups.js';

/**
 * Follows history, then live events, with nothing but reads and wake-ups. It opens the watch first, then reads
 * everything from the last known place. A wake-up either continues exactly there, or makes it read again. It holds one
 * page at a time.
 */
export class Follower {
  #place: number;
  #stopped = false;
  #reading = false;
  /** Events are being handed over. Events that this causes must not overtake the rest of them. */
  #delivering = false;
  readonly #wakeUps = new WakeUps();
  #unwatch: Unwatch | undefined;
  #retryTimer: Timer | undefined;
  readonly #options: FollowerOptions;
  readonly #source: FollowerSource;
  readonly #environment: Environment;
  readonly #backoff: Backoff;

  constructor(options: FollowerOptions, source: FollowerSource) {
    this.#options = options;
    this.#source = source;
    this.#place = options.after;
    this.#environment = options.environment ?? SYSTEM;
    this.#backoff = backoffIn(this.#environment);
  }

  /** Version (of a stream) or position (of the store) up to which everything was handed over. */
  get place(): number {
    return this.#place;
  }

  /** Starts. The first events come in the next turn of the event loop, never from inside this call. */
  start(): void {
    void this.#open();
  }

  /** Stops for good and frees everything. No event comes after this. */
  stop(): void {
    this.#stopped = true;
    this.#environment.clearTimeout(this.#retryTimer);
    this.#unwatch?.();
    this.#unwatch = undefined;
  }

  async #open(): Promise<void> {
    try {
      const unwatch = await this.#source.watch((hint) => this.#wake(hint));
      if (this.#stopped) {
        unwatch();
        return;
      }
      this.#unwatch = unwatch;
      // A commit before the watch was in force wakes nobody, even though an earlier wake-up may already have caused a
      // read.
      this.#wakeUps.hear();
    } catch (error) {
      this.#retryOrFail(error, () => void this.#open());
      return;
    }
    await this.#catchUp();
  }

  #wake(hint: readonly EventRecord[]): void {
    if (this.#stopped) return;
    this.#wakeUps.hearOf(hint, this.#source.placeOf);
    if (this.#reading || this.#delivering || this.#retryTimer) return;
    const fitting = this.#source.fitting(hint, this.#place);
    if (fitting.length > 0) this.#deliver(fitting, this.#source.placeOf(fitting.at(-1) as EventRecord));
    void this.#catchUp();
  }

  /** Reads until there is nothing more, with a turn of the event loop between pages. */
  async #catchUp(): Promise<void> {
    if (this.#reading || this.#delivering) return;
    this.#reading = true;
    try {
      while (!this.#stopped && this.#wakeUps.isDue(this.#place)) {
        this.#wakeUps.beginRead();
        const page = await this.#source.read(this.#place);
        if (this.#stopped) return;
        this.#backoff.reset();
        if (page.ended) this.#wakeUps.reachedEnd();
        if (page.events.length > 0) this.#deliver(page.events, page.upTo);
        else this.#place = Math.max(this.#place, page.upTo);
        if (this.#wakeUps.isDue(this.#place)) await turnOfTheLoop(this.#environment);
      }
    } catch (error) {
      this.#retryOrFail(error, () => void this.#catchUp());
    } finally {
      this.#reading = false;
    }
  }

  /** @param upTo the place after these events. */
  #deliver(events: readonly EventRecord[], upTo: number): void {
    this.#place = upTo;
    this.#delivering = true;
    try {
      this.#options.onEvents(events);
    } catch (error) {
      this.stop();
      this.#options.onError(error);
    } finally {
      this.#delivering = false;
    }
  }

  #retryOrFail(error: unknown, again: () => void): void {
    if (this.#stopped) return;
    if (error instanceof EngineError && error.retryable) {
      this.#options.onRetry?.(error);
      this.#retryTimer = this.#environment.setTimeout(() => {
        this.#retryTimer = undefined;
        again();
      }, this.#backoff.nextMs());
      this.#retryTimer.unref();
      return;
    }
    this.stop();
    this.#options.onError(error);
  }
}

/** Where a follower begins, and what it calls. */
export interface FollowerOptions {
  /** Version (of a stream) or position (of the store) to begin after; 0 for all. */
  readonly after: number;
  /** Gets the events, in order. An error that it throws goes to `onError` and ends the follower. */
  readonly onEvents: (events: readonly EventRecord[]) => void;
  /** Gets an error that another try does not mend. Nothing comes after it. */
  readonly onError: (error: unknown) => void;
  /** Called with each error after which it tries again. */
  readonly onRetry?: (error: unknown) => void;
  /** Where waits and turns of the event loop come from. Default: the machine. */
  readonly environment?: Environment;
}

/** What distinguishes a follower of a stream from one of the store. */
export interface FollowerSource {
  watch(wake: Wake): Promise<Unwatch>;
  /** Reads the next page, which says itself how far it looked. */
  read(after: number): Promise<StorePage>;
  /** The version or position of an event from a wake-up; 0 if it is not known yet. */
  placeOf(event: EventRecord): number;
  /** The part of a wake-up's events that certainly continues after `after`. */
  fitting(hint: readonly EventRecord[], after: number): readonly EventRecord[];
}
