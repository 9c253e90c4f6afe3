import { detached } from '../engine/async-context.js';
import { type Backoff, backoffIn } from '../engine/backoff.js';
import type { Timer } from '../engine/environment.js';
import type { Unwatch } from '../engine/follow.js';
import { READ_PAGE_EVENTS_MAX } from '../engine/read.js';
import type { EventRecord } from '../kernel/event.js';
import type { RuntimeParts } from './settings.js';

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

/**
 * Keeps one activation up to date with what others store on its stream. Wake-ups are only hints: what fits exactly is taken, whatever is
 * missing is read.
 */
export class LiveFeed {
  readonly #parts: RuntimeParts;
  readonly #streamId: string;
  readonly #owner: FeedOwner;
  /** The highest version heard of; infinity when a wake-up did not say. */
  #announced = 0;
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
    if (this.#announced > this.#owner.version && this.#ready()) void this.#read();
  }

  /** Somebody knows that the stream has come to this version. */
  announce(version: number): void {
    this.#announced = Math.max(this.#announced, version);
    this.catchUp();
  }

  #wake(events: readonly EventRecord[]): void {
    if (this.#stopped) return;
    if (events.length === 0) this.#announced = Number.POSITIVE_INFINITY;
    for (const event of events) if (event.version > this.#announced) this.#announced = event.version;
    if (!this.#ready()) return;
    const fitting = this.#fitting(events);
    if (fitting.length > 0) this.#owner.take(fitting);
    this.catchUp();
  }

  #ready(): boolean {
    // While it waits to try again, nobody else's news may make it try at once: an engine that is down would be asked ever more often.
    const isFree = !this.#reading && this.#retryTimer === undefined;
    return this.#started && !this.#stopped && isFree && !this.#owner.busy;
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

  async #read(): Promise<void> {
    this.#reading = true;
    try {
      const page = await this.#parts.engine.readStream(this.#streamId, this.#owner.version, READ_PAGE_EVENTS_MAX);
      this.#backoff = undefined;
      this.#reading = false;
      // The end of the stream: whatever else was announced is not there yet, and its commit will wake us again.
      if (page.length === 0) this.#announced = this.#owner.version;
      if (!this.#ready()) return;
      const fitting = this.#fitting(page);
      if (fitting.length > 0) this.#owner.take(fitting);
      this.catchUp();
    } catch (error) {
      this.#reading = false;
      this.#retryLater(error);
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
