import {
  type FrameworkState,
  isSame,
  TICK_EVENT,
  TICKING_EVENT,
  type Ticking,
  type TickingData,
  type TickOptions,
} from '../../kernel/framework/framework-events.js';
import { CommitTimeoutError, ConflictError, ShuttingDownError } from '../../kernel/values/errors.js';
import type { NewEvent } from '../../kernel/values/event.js';
import { isInstance } from '../../kernel/values/thrown.js';
import type { RuntimeParts } from '../parts/settings.js';
import type { Turn } from '../turn/turn.js';
import { scheduleKeyOf } from './schedule-writes.js';
import { TickClock } from './tick-clock.js';
import { checkedOptions, isSameData } from './tick-options.js';
import type { TickScheduler } from './tick-scheduler.js';
import type { TickingActor } from './ticking-actor.js';

/**
 * How one `TickActor` ticks. Its stream says whether, how, and when last; this only waits for the time and fires the next `tick`, on the node that owns
 * the schedule. Two nodes that both think they own it are kept apart by the version: the later one sees the tick and waits again.
 */
export class TickRole implements TickingActor {
  /** Of its schedule. */
  readonly key: string;
  readonly #owner: TickOwner;
  readonly #parts: RuntimeParts;
  readonly #scheduler: TickScheduler;
  readonly #clock: TickClock;
  /** This node makes it tick. */
  #owned = false;
  /** It did, so the schedule may still be this node's. */
  #hasOwned = false;
  #firing = false;
  /** Number of the tick that was fired here last, until it or another one is stored. */
  #firedN = 0;
  #isLoaded = false;
  #known: Ticking | undefined;
  /** The turn that started it last. */
  #startedBy: Turn | undefined;

  constructor(owner: TickOwner, parts: RuntimeParts, scheduler: TickScheduler) {
    this.#owner = owner;
    this.#parts = parts;
    this.#scheduler = scheduler;
    this.#clock = new TickClock(parts, scheduler);
    this.key = scheduleKeyOf({ streamId: owner.streamId, actor: owner.actorName });
  }

  /** Its activation must stay. */
  get pinned(): boolean {
    return this.#owned && this.#known !== undefined;
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

  /** It ticks, and lives here: somebody has to make it tick. */
  get needsOwner(): boolean {
    return this.#known !== undefined && this.#owner.alive;
  }

  /** It is to tick by what is not stored yet: what its stream says of that now will not be so for long. */
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

  /** Version of the last stored event that it knows. */
  get version(): number {
    return this.#owner.version;
  }

  /** For how long no tick has come although one was due. Milliseconds. */
  get overdueMs(): number {
    return this.#known ? this.#scheduler.nowMs() - this.#clock.dueAtMs(this.#known.everyMs) : 0;
  }

  /** Inside a turn: it is to tick. */
  start(options: TickOptions): void {
    const data = checkedOptions(options, this.#owner.label);
    const last = this.#lastUnstored();
    if (last ? isSameData(last, data) : isSame(this.#owner.framework.ticking, data)) return;
    this.#owner.fireFramework(TICKING_EVENT, data);
    const { running } = this.#owner;
    if (!running) return;
    this.#startedBy = running;
    // First the schedule, then the event: a crash in between leaves a schedule too many, which is removed when it is found.
    running.preparation = this.#scheduler.own(this, this.#versionToCome());
    running.preparation.catch(() => {});
  }

  /** Inside a turn: it is to tick no more. */
  stop(): void {
    const last = this.#lastUnstored();
    if (last ? last.everyMs !== null : this.#owner.framework.ticking !== undefined) {
      this.#owner.fireFramework(TICKING_EVENT, { everyMs: null });
    }
  }

  /** What is stored may have changed. */
  look(): void {
    if (!this.#owner.alive) return;
    const { ticking } = this.#owner.framework;
    if (ticking !== this.#known || !this.#isLoaded) this.#changeTo(ticking);
    if (this.#owned && !ticking && !this.isStarting) this.#scheduler.release(this);
  }

  /** This node makes it tick from now on; or another one does. */
  setOwned(owned: boolean): void {
    this.#owned = owned;
    this.#hasOwned ||= owned;
    this.look();
    if (owned && this.#owned) this.#wait();
  }

  /** The scheduler's time is up. */
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
    // Whoever owned it before may be gone, or about to let go of it: somebody has to own it in the end.
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
    // Where the last tick was written by a clock ahead of ours, time goes on from there.
    this.#owner.fireFramework(TICK_EVENT, { n, missed }, ticking.lastAtMs + everyMs);
    this.#firedN = n;
    this.#clock.beginUnstored();
    return { atMs: nowMs, lateMs, missed };
  }

  /** Time runs from our own tick when it was fired, from others' when they are seen, and from one that was loaded when its own clock says. */
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
    // It took so long that the next one is due: they are not to come in a burst.
    if (nowMs - atMs >= everyMs) this.#clock.restUntil(nowMs + everyMs);
  }

  #failed(error: unknown): void {
    // Others were first, or the node goes: no harm. Anything else is tried again a whole tick later.
    if (!(isInstance(error, ShuttingDownError) || isInstance(error, ConflictError))) {
      this.#parts.log.warn(`${this.#owner.label}: a tick could not be stored; it is tried again`, error);
    }
    // One that only took too long may be stored yet.
    if (!(error instanceof CommitTimeoutError)) this.#clock.undo();
    this.#clock.restUntil(this.#scheduler.nowMs() + (this.#known?.everyMs ?? 0));
  }

  /** Of the event that was fired last, unless others' come first. */
  #versionToCome(): number {
    let version = this.#owner.version;
    for (const _event of this.#owner.unstored()) version += 1;
    return version;
  }

  /** What is about to be stored starts it, stops it, or is a tick: that decides. */
  #isUndecided(): boolean {
    for (const { name } of this.#owner.unstored()) if (name === TICKING_EVENT || name === TICK_EVENT) return true;
    return false;
  }

  /** How the last `$ticking` says it that is not stored yet. */
  #lastUnstored(): TickingData | undefined {
    let last: NewEvent | undefined;
    for (const event of this.#owner.unstored()) if (event.name === TICKING_EVENT) last = event;
    return last && (JSON.parse(last.data) as TickingData);
  }
}

/** What the role needs of the activation it belongs to. */
export interface TickOwner {
  readonly label: string;
  readonly actorName: string;
  readonly id: string;
  readonly streamId: string;
  readonly alive: boolean;
  readonly framework: FrameworkState;
  /** Version of the last stored event that is in the state. */
  readonly version: number;
  /** Commits that are to be applied or run again. */
  readonly held: readonly { readonly events: readonly NewEvent[] }[];
  readonly running: Turn | undefined;
  /** Events that are applied and not stored, oldest first. */
  unstored(): Iterable<NewEvent>;
  fireFramework(name: string, data: object, notBeforeMs?: number): void;
  /** Runs this as a command of its own, again if others' events came first. */
  decide(name: string, decide: () => void, origin: Ticking['origin']): Promise<unknown>;
}

/** How late a tick was, and how many had no time before it. */
interface Fired {
  readonly atMs: number;
  readonly lateMs: number;
  readonly missed: number;
}
