import {
  type FrameworkState,
  isSame,
  TICK_EVENT,
  TICKING_EVENT,
  type Ticking,
  type TickingData,
  type TickOptions,
} from '../../kernel/framework/index.js';
import {
  CommitTimeoutError,
  ConflictError,
  isInstance,
  type NewEvent,
  ShuttingDownError,
} from '../../kernel/values/index.js';
import type { RuntimeParts } from '../parts/index.js';
import type { Turn } from '../turn/index.js';
import { scheduleKeyOf } from './schedule-writes.js';
import { TickClock } from './tick-clock.js';
import { checkedOptions, isSameData } from './tick-options.js';
import type { TickScheduler } from './tick-scheduler.js';
import type { TickingActor } from './ticking-actor.js';

/**
 * Makes one `TickActor` tick. Its stream says whether it ticks, how, and when it ticked last. This role only waits for the time and fires the next `tick`, on
 * the node that owns the schedule. If two nodes both believe that they own it, the version keeps them apart: the later one sees the tick and waits again.
 */
export class TickRole implements TickingActor {
  /** The key of its schedule. */
  readonly key: string;
  claims = 0;
  readonly #owner: TickOwner;
  readonly #parts: RuntimeParts;
  readonly #scheduler: TickScheduler;
  readonly #clock: TickClock;
  /** Whether this node makes it tick. */
  #owned = false;
  /** Whether this node ever did, so the schedule may still be its own. */
  #hasOwned = false;
  #firing = false;
  /** The number of the tick that was fired here last, until it or another one is stored. */
  #firedN = 0;
  #isLoaded = false;
  #known: Ticking | undefined;
  /** The turn that last started ticking. */
  #startedBy: Turn | undefined;

  constructor(owner: TickOwner, parts: RuntimeParts, scheduler: TickScheduler) {
    this.#owner = owner;
    this.#parts = parts;
    this.#scheduler = scheduler;
    this.#clock = new TickClock(parts, scheduler);
    this.key = scheduleKeyOf({ streamId: owner.streamId, actor: owner.actorName });
  }

  /** Whether its activation must stay. */
  get pinned(): boolean {
    return (this.#owned || this.claims > 0) && this.#known !== undefined;
  }

  get owned(): boolean {
    return this.#owned;
  }

  get id(): string {
    return this.#owner.id;
  }

  get alive(): boolean {
    return this.#owner.alive;
  }

  /** Whether it ticks and is loaded here, so that some node has to make it tick. */
  get needsOwner(): boolean {
    return this.#known !== undefined && this.#owner.alive;
  }

  /** Whether a pending event starts ticking. What its stream says now will then change soon. */
  get isStarting(): boolean {
    if (this.#startedBy && !this.#startedBy.over) return true;
    for (const { name } of this.#owner.unstored()) if (name === TICKING_EVENT) return true;
    return this.#owner.held.some(({ events }) => events.some(({ name }) => name === TICKING_EVENT));
  }

  /** Name of the actor class. */
  get actor(): string {
    return this.#owner.actorName;
  }

  get streamId(): string {
    return this.#owner.streamId;
  }

  /** The version of the last stored event that it knows. */
  get version(): number {
    return this.#owner.version;
  }

  /** How long a due tick has not come. Milliseconds. */
  get overdueMs(): number {
    return this.#known ? this.#scheduler.nowMs() - this.#clock.dueAtMs(this.#known.everyMs) : 0;
  }

  /** Inside a turn: starts ticking. */
  start(options: TickOptions): void {
    const data = checkedOptions(options, this.#owner.label);
    const last = this.#lastUnstored();
    if (last ? isSameData(last, data) : isSame(this.#owner.framework.ticking, data)) return;
    this.#owner.fireFramework(TICKING_EVENT, data);
    const { running } = this.#owner;
    if (!running) return;
    this.#startedBy = running;
    // The schedule is written before the event. A crash in between leaves a schedule without an event, which is removed when it is found.
    running.preparation = this.#scheduler.own(this, this.#versionToCome());
    running.preparation.catch(() => {});
  }

  /** Inside a turn: stops ticking. */
  stop(): void {
    const last = this.#lastUnstored();
    if (last ? last.everyMs !== null : this.#owner.framework.ticking !== undefined) {
      this.#owner.fireFramework(TICKING_EVENT, { everyMs: null });
    }
  }

  /** Checks whether the stored state has changed how it ticks. */
  look(): void {
    if (!this.#owner.alive) return;
    const { ticking } = this.#owner.framework;
    if (ticking !== this.#known || !this.#isLoaded) this.#changeTo(ticking);
    if (this.#owned && !ticking && !this.isStarting) this.#scheduler.release(this);
  }

  /** Sets whether this node makes it tick from now on. */
  setOwned(owned: boolean): void {
    this.#owned = owned;
    this.#hasOwned ||= owned;
    this.look();
    if (owned && this.#owned) this.#wait();
  }

  /** Called by the scheduler when its time has come. */
  fire(): void {
    if (!this.#owned || !this.#known || this.#firing || !this.#owner.alive) return;
    this.#firing = true;
    let fired: Fired | undefined;
    this.#owner
      .decide(
        '$tick',
        () => {
          fired = this.#fireIfDue();
        },
        this.#known.origin,
      )
      .then(() => fired && this.#stored(fired))
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#firing = false;
        if (this.#owned && this.#owner.alive) this.#wait();
      });
  }

  #changeTo(ticking: Ticking | undefined): void {
    const known = this.#known;
    const isLoaded = this.#isLoaded;
    this.#isLoaded = true;
    this.#known = ticking;
    if (!ticking) {
      if (known) this.#scheduler.ended(this);
      return;
    }
    this.#startClock(ticking, isLoaded);
    if (!known) this.#scheduler.begun(this);
    if (this.#owned) this.#wait();
    const isOurs = ticking.lastBy === this.#parts.nodeId;
    // The previous owner may be gone, or about to release it. Some node must own it in the end.
    if (this.#owned ? !isOurs : ticking.n === 0 || !known) this.#scheduler.check(this, this.#hasOwned || isOurs);
  }

  #fireIfDue(): Fired | undefined {
    const { ticking } = this.#owner.framework;
    if (!ticking || this.#isUndecided()) return undefined;
    const { everyMs } = ticking;
    const nowMs = this.#scheduler.nowMs();
    if (this.#clock.dueAtMs(everyMs) > nowMs) return undefined;
    const lateMs = this.#clock.lateMs(everyMs);
    const missed = this.#clock.missed(everyMs);
    const n = ticking.n + 1;
    // If the last tick was written by a clock ahead of ours, time continues from there.
    this.#owner.fireFramework(TICK_EVENT, { n, missed }, ticking.lastAtMs + everyMs);
    this.#firedN = n;
    this.#clock.beginUnstored();
    return { atMs: nowMs, lateMs, missed };
  }

  /** The interval runs from when our own tick was fired, from when another node's tick is seen, and from the recorded time of a tick that was loaded. */
  #startClock(ticking: Ticking, isSeen: boolean): void {
    const isOurs = ticking.n > 0 && ticking.n === this.#firedN && ticking.lastBy === this.#parts.nodeId;
    this.#firedN = 0;
    if (isOurs) return;
    if (isSeen) this.#clock.begin();
    else this.#clock.beginFrom(ticking);
  }

  #wait(): void {
    if (this.#known && !this.#firing) this.#scheduler.wait(this, this.#clock.dueAtMs(this.#known.everyMs));
  }

  #stored({ atMs, lateMs, missed }: Fired): void {
    this.#parts.telemetry?.tick(this.actor, lateMs, missed);
    const nowMs = this.#scheduler.nowMs();
    const everyMs = this.#known?.everyMs ?? 0;
    // Storing took so long that the next tick is due. Ticks must not come in a burst.
    if (nowMs - atMs >= everyMs) this.#clock.restUntil(nowMs + everyMs);
  }

  #failed(error: unknown): void {
    // Other nodes were first, or this node ends: that does no harm. After any other failure it waits one interval and tries again.
    if (!(isInstance(error, ShuttingDownError) || isInstance(error, ConflictError))) {
      this.#parts.log.warn(`${this.#owner.label}: a tick could not be stored; it is tried again`, error);
    }
    // A tick that only took too long may still be stored.
    if (!(error instanceof CommitTimeoutError)) this.#clock.undo();
    this.#clock.restUntil(this.#scheduler.nowMs() + (this.#known?.everyMs ?? 0));
  }

  /** The version of the event that was fired last, unless others' events come first. */
  #versionToCome(): number {
    let version = this.#owner.version;
    for (const _event of this.#owner.unstored()) version += 1;
    return version;
  }

  /** Whether a pending event starts or stops ticking, or is a tick. That decides first. */
  #isUndecided(): boolean {
    for (const { name } of this.#owner.unstored()) if (name === TICKING_EVENT || name === TICK_EVENT) return true;
    return false;
  }

  /** The payload of the last pending `$ticking`. */
  #lastUnstored(): TickingData | undefined {
    let last: NewEvent | undefined;
    for (const event of this.#owner.unstored()) if (event.name === TICKING_EVENT) last = event;
    return last && (JSON.parse(last.data) as TickingData);
  }
}

/** What the role needs of its activation. */
export interface TickOwner {
  readonly label: string;
  readonly actorName: string;
  readonly id: string;
  readonly streamId: string;
  readonly alive: boolean;
  readonly framework: FrameworkState;
  /** Version of the last stored event that is in the state. */
  readonly version: number;
  /** Commits to be applied or run again. */
  readonly held: readonly { readonly events: readonly NewEvent[] }[];
  readonly running: Turn | undefined;
  /** Events that are applied and not stored, oldest first. */
  unstored(): Iterable<NewEvent>;
  fireFramework(name: string, data: object, notBeforeMs?: number): void;
  /** Runs this as a command of its own, again if others' events came first. */
  decide(name: string, decide: () => void, origin: Ticking['origin']): Promise<unknown>;
}

/** When a tick was fired, how late it was, and how many were skipped before it. */
interface Fired {
  readonly atMs: number;
  readonly lateMs: number;
  readonly missed: number;
}
