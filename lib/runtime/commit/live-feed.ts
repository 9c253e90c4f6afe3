import { READ_PAGE_EVENTS_MAX, type Unwatch } from '../../engine/duties/index.js';
import { type Backoff, backoffIn, detached, type Timer, turnOfTheLoop } from '../../engine/environment/index.js';
import { WakeUps } from '../../engine/reading/index.js';
import type { EventRecord } from '../../kernel/values/index.js';
import type { RuntimeParts } from '../parts/index.js';

/**
 * Keeps one activation up to date with what others store on its stream. Wake-ups are only hints: events that follow the
 * state exactly are applied, and missing ones are read. An event may come while it cannot be applied or read: an append
 * or a read is under way, a retry waits, or loading goes on. The feed then remembers it until a read that began later
 * has reached the end of the stream.
 */
export class LiveFeed {
  readonly #parts: RuntimeParts;
  readonly #streamId: string;
  readonly #owner: FeedOwner;
  readonly #wakeUps = new WakeUps();
  #reading = false;
  #started = false;
  #stopped = false;
  #unwatch: Unwatch | undefined;
  #retryTimer: Timer | undefined;
  #backoff: Backoff | undefined;

  constructor(parts: RuntimeParts, streamId: string, owner: FeedOwner) {
    this.#parts = parts;
    this.#streamId = streamId;
    this.#owner = owner;
  }

  /** Starts watching. Until `start()`, events are only remembered, so loading can read the stream after this call. */
  async watch(): Promise<void> {
    this.#unwatch = await this.#parts.engine.watchStream(this.#streamId, (events) =>
      detached(() => this.#onWakeUp(events)),
    );
  }

  /** Loading is done. From now on events are applied as they come. */
  start(): void {
    this.#started = true;
    this.catchUp();
  }

  stop(): void {
    this.#stopped = true;
    this.#parts.environment.clearTimeout(this.#retryTimer);
    this.#unwatch?.();
    this.#unwatch = undefined;
  }

  /** Whether a read is under way. */
  get reading(): boolean {
    return this.#reading;
  }

  /** Reads events that were announced and could not be applied at the time. */
  catchUp(): void {
    if (this.#wakeUps.isDue(this.#owner.version) && this.#ready()) void this.#read();
  }

  /** Announces that the stream has reached this version. */
  announce(version: number): void {
    this.#wakeUps.hear(version);
    this.catchUp();
  }

  #onWakeUp(events: readonly EventRecord[]): void {
    if (this.#stopped) return;
    this.#wakeUps.hearOf(events, versionOf);
    if (!this.#ready()) return;
    const fitting = this.#fitting(events);
    if (fitting.length > 0) this.#owner.take(fitting);
    this.catchUp();
  }

  #ready(): boolean {
    // While it waits to try again, other wake-ups must not make it read at once. Otherwise an engine that is down would
    // get ever more requests.
    return !this.#reading && this.#retryTimer === undefined && this.#mayTake();
  }

  #mayTake(): boolean {
    return this.#started && !this.#stopped && !this.#owner.busy;
  }

  #mayRead(): boolean {
    return this.#mayTake() && this.#wakeUps.isDue(this.#owner.version);
  }

  /** The part of `events` that continues the state without a gap. */
  #fitting(events: readonly EventRecord[]): readonly EventRecord[] {
    let next = this.#owner.version + 1;
    const fitting: EventRecord[] = [];
    for (const event of events) {
      if (event.version !== next) continue;
      fitting.push(event);
      next += 1;
    }
    return fitting;
  }

  /** Reads page after page, with a turn of the event loop between them. */
  async #read(): Promise<void> {
    this.#reading = true;
    try {
      while (this.#mayRead()) {
        this.#wakeUps.beginRead();
        const page = await this.#parts.engine.readStream(this.#streamId, this.#owner.version, READ_PAGE_EVENTS_MAX);
        this.#backoff = undefined;
        if (page.length === 0) this.#wakeUps.reachedEnd();
        const fitting = this.#mayTake() ? this.#fitting(page) : [];
        if (fitting.length > 0) this.#owner.take(fitting);
        if (this.#mayRead()) await turnOfTheLoop(this.#parts.environment);
      }
    } catch (error) {
      this.#retryLater(error);
    } finally {
      this.#reading = false;
    }
  }

  #retryLater(error: unknown): void {
    if (this.#stopped) return;
    if (!this.#backoff) {
      this.#backoff = backoffIn(this.#parts.environment);
      this.#parts.log.warn(
        `${this.#owner.label}: events stored by others could not be read; reading is retried`,
        error,
      );
    }
    this.#retryTimer = this.#parts.environment.setTimeout(() => {
      this.#retryTimer = undefined;
      this.catchUp();
    }, this.#backoff.nextMs());
    this.#retryTimer.unref();
  }
}

/** What the feed needs of its activation. */
export interface FeedOwner {
  readonly label: string;
  /** Version of the last stored event that is in the state. */
  readonly version: number;
  /** No event may be applied now: an append is under way, and its result will show what came first. */
  readonly busy: boolean;
  /** Applies others' events. The first one is at `version + 1`, and there are no gaps. */
  take(events: readonly EventRecord[]): void;
}

function versionOf({ version }: EventRecord): number {
  return version;
}
