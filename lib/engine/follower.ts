import { EngineError } from '../kernel/errors.js';
import type { EventRecord } from '../kernel/event.js';
import { type Backoff, backoffIn } from './backoff.js';
import { type Environment, type Timer, turnOfTheLoop } from './environment.js';
import type { Unwatch, Wake } from './follow.js';
import { SYSTEM } from './system-environment.js';

/** Where a follower begins, and whom it tells. */
export interface FollowerOptions {
  /** Version (of a stream) or position (of the store) to begin after; 0 for all. */
  readonly after: number;
  /** Gets what comes, in order. What it throws goes to `onError` and ends the follower. */
  readonly onEvents: (events: readonly EventRecord[]) => void;
  /** An error that trying again does not mend; nothing comes after it. */
  readonly onError: (error: unknown) => void;
  /** Called for each error after which it is tried again. */
  readonly onRetry?: (error: unknown) => void;
  /** Where waits and turns of the event loop come from. Default: the machine. */
  readonly environment?: Environment;
}

/** What makes a follower one of a stream or one of the store. */
export interface FollowerSource {
  watch(wake: Wake): Promise<Unwatch>;
  /** The next page, and the place up to which there is nothing else to read when the page is empty. */
  read(after: number): Promise<{ events: readonly EventRecord[]; upTo: number }>;
  placeOf(event: EventRecord): number;
  /** The part of a wake-up's hint that continues after `after` for certain. */
  fitting(hint: readonly EventRecord[], after: number): readonly EventRecord[];
}

/**
 * History, then live, built on nothing but reading and wake-ups: the watch is opened first, then everything is read from the last place known;
 * each wake-up either fits exactly or makes it read again. Holds one page at a time.
 */
export class Follower {
  #place: number;
  #stopped = false;
  #reading = false;
  /** Events are being handed over: what that itself makes happen must not overtake the rest of them. */
  #delivering = false;
  #wokenMeanwhile = false;
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

  /** Version or position up to which everything was handed over. */
  get place(): number {
    return this.#place;
  }

  /** Begins. Events come from the next turn of the event loop on, never from inside this call. */
  start(): void {
    void this.#open();
  }

  /** Ends it for good and frees everything; nothing comes after this. */
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
    } catch (error) {
      this.#retryOrFail(error, () => void this.#open());
      return;
    }
    await this.#catchUp();
  }

  #wake(hint: readonly EventRecord[]): void {
    if (this.#stopped || this.#retryTimer) return;
    if (this.#reading || this.#delivering) {
      this.#wokenMeanwhile = true;
      return;
    }
    const fitting = this.#source.fitting(hint, this.#place);
    if (fitting.length > 0) this.#deliver(fitting);
    if (this.#wokenMeanwhile || !this.#knowsAll(hint)) void this.#catchUp();
  }

  /** Whether nothing of this hint is left to read. An empty one says nothing, so it does not count. */
  #knowsAll(hint: readonly EventRecord[]): boolean {
    return (
      hint.length > 0 &&
      hint.every((event) => this.#source.placeOf(event) > 0 && this.#source.placeOf(event) <= this.#place)
    );
  }

  /** Reads until nothing more is there, giving the event loop a turn between pages. */
  async #catchUp(): Promise<void> {
    // Whoever asks while a page is being read may know of something that this page does not show.
    this.#wokenMeanwhile = true;
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (!this.#stopped) {
        this.#wokenMeanwhile = false;
        const page = await this.#source.read(this.#place);
        if (this.#stopped) return;
        this.#backoff.reset();
        if (page.events.length > 0) this.#deliver(page.events);
        else this.#place = Math.max(this.#place, page.upTo);
        if (page.events.length === 0 && !this.#wokenMeanwhile) return;
        await turnOfTheLoop(this.#environment);
      }
    } catch (error) {
      this.#retryOrFail(error, () => void this.#catchUp());
    } finally {
      this.#reading = false;
    }
  }

  #deliver(events: readonly EventRecord[]): void {
    this.#place = this.#source.placeOf(events.at(-1) as EventRecord);
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
