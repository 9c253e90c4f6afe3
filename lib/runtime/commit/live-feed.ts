import type { Unwatch } from '../../engine/duties/follow.js';
import { READ_PAGE_EVENTS_MAX } from '../../engine/duties/read.js';
import { detached } from '../../engine/environment/async-context.js';
import { type Backoff, backoffIn } from '../../engine/environment/backoff.js';
import { type Timer, turnOfTheLoop } from '../../engine/environment/environment.js';
import { WakeUps } from '../../engine/reading/wake-ups.js';
import type { EventRecord } from '../../kernel/values/event.js';
import type { RuntimeParts } from '../parts/settings.js';

/**
 * Keeps one activation up to date with what others store on its stream. Wake-ups are only hints: what fits exactly is taken, whatever is
 * missing is read. What cannot be taken or read when it is heard (an append or a read is under way, a retry waits, loading is not done) stays heard
 * until a read that began later has come to the end.
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

  /** Opens the watch. Until `start()`, what it says is only remembered, so loading can read the stream after this. */
  async watch(): Promise<void> {
    this.#unwatch = await this.#parts.engine.watchStream(this.#streamId, (events) =>
      detached(() => this.#wake(events)),
    );
  }

  /** Loading is done: from now on events are taken as they come. */
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

  /** Whether it is reading now. */
  get reading(): boolean {
    return this.#reading;
  }

  /** Reads what was announced and could not be taken at the time. */
  catchUp(): void {
    if (this.#wakeUps.isDue(this.#owner.version) && this.#ready()) void this.#read();
  }

  /** Somebody knows that the stream has come to this version. */
  announce(version: number): void {
    this.#wakeUps.hear(version);
    this.catchUp();
  }

  #wake(events: readonly EventRecord[]): void {
    if (this.#stopped) return;
    this.#wakeUps.hearOf(events, versionOf);
    if (!this.#ready()) return;
    const fitting = this.#fitting(events);
    if (fitting.length > 0) this.#owner.take(fitting);
    this.catchUp();
  }

  #ready(): boolean {
    // While it waits to try again, nobody else's news may make it try at once: an engine that is down would be asked ever more often.
    return !this.#reading && this.#retryTimer === undefined && this.#mayTake();
  }

  #mayTake(): boolean {
    return this.#started && !this.#stopped && !this.#owner.busy;
  }

  #mayRead(): boolean {
    return this.#mayTake() && this.#wakeUps.isDue(this.#owner.version);
  }

  /** The part of `events` that continues the state without a hole. */
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

  /** Page after page, with a turn of the event loop between them. */
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
      this.#parts.log.warn(`${this.#owner.label}: could not read others' events; it is tried again`, error);
    }
    this.#retryTimer = this.#parts.environment.setTimeout(() => {
      this.#retryTimer = undefined;
      this.catchUp();
    }, this.#backoff.nextMs());
    this.#retryTimer.unref();
  }
}

/** What the feed needs of the activation it keeps up to date. */
export interface FeedOwner {
  readonly label: string;
  /** Version of the last stored event that is in the state. */
  readonly version: number;
  /** Nothing may be taken now: an append is under way, and its answer will tell what came first. */
  readonly busy: boolean;
  /** Others' events, the first one at `version + 1`, without a hole. */
  take(events: readonly EventRecord[]): void;
}

function versionOf({ version }: EventRecord): number {
  return version;
}
