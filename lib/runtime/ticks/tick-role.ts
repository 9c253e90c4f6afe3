import { ConflictError, OmniscientError, ShuttingDownError } from '../../kernel/errors.js';
import type { NewEvent } from '../../kernel/event.js';
import {
  type FrameworkState,
  isSame,
  TICK_EVENT,
  TICK_MS_MAX,
  TICK_MS_MIN,
  TICKING_EVENT,
  type Ticking,
  type TickingData,
  type TickOptions,
} from '../../kernel/framework-events.js';
import { isInstance } from '../../kernel/thrown.js';
import type { RuntimeParts } from '../settings.js';
import type { Turn } from '../turn.js';
import type { TickScheduler } from './tick-scheduler.js';

/** What the role needs of the activation it belongs to. */
export interface TickOwner {
  readonly label: string;
  readonly actorName: string;
  readonly id: string;
  readonly streamId: string;
  readonly alive: boolean;
  readonly framework: FrameworkState;
  readonly running: Turn | undefined;
  /** Events that are applied and not stored, oldest first. */
  unstored(): Iterable<NewEvent>;
  fireFramework(name: string, data: object, atMs?: number): void;
  /** Runs this as a command of its own, again if others' events came first. */
  decide(name: string, decide: () => void, origin: Ticking['origin']): Promise<unknown>;
}

/** How late a tick was, and how many had no time before it. */
interface Fired {
  readonly lateMs: number;
  readonly missed: number;
}

/**
 * How one `TickActor` ticks. Its stream says whether, how, and when last; this only waits for the time and fires the next `tick`, on the node that owns
 * the schedule. Two nodes that both think they own it are kept apart by the version: the later one sees the tick and waits again.
 */
export class TickRole {
  readonly #owner: TickOwner;
  readonly #parts: RuntimeParts;
  readonly #scheduler: TickScheduler;
  /** This node makes it tick. */
  #owned = false;
  #firing = false;
  #known: Ticking | undefined;
  /** Since when, by our own clock, the time to the next tick runs. */
  #runsSinceMs = 0;

  constructor(owner: TickOwner, parts: RuntimeParts, scheduler: TickScheduler) {
    this.#owner = owner;
    this.#parts = parts;
    this.#scheduler = scheduler;
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

  /** It ticks, and lives here: somebody has to make it tick. */
  get needsOwner(): boolean {
    return this.#known !== undefined && this.#owner.alive;
  }

  /** Name of the actor class. */
  get actor(): string {
    return this.#owner.actorName;
  }

  get streamId(): string {
    return this.#owner.streamId;
  }

  /** Inside a turn: it is to tick. */
  start(options: TickOptions): void {
    const data = checkedOptions(options, this.#owner.label);
    const last = this.#lastUnstored();
    if (last ? isSameData(last, data) : isSame(this.#owner.framework.ticking, data)) return;
    this.#owner.fireFramework(TICKING_EVENT, data);
    const { running } = this.#owner;
    if (!running) return;
    // First the schedule, then the event: a crash in between leaves a schedule too many, which the next owner removes.
    running.preparation = this.#scheduler.own(this);
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
    const { ticking } = this.#owner.framework;
    const known = this.#known;
    if (ticking === known) return;
    this.#known = ticking;
    if (!ticking) {
      if (this.#owned) this.#scheduler.release(this);
      return;
    }
    this.#startClock(ticking, known !== undefined);
    if (this.#owned) this.#wait();
    // Whoever owned it before may be gone, or about to let go of it: somebody has to own it in the end.
    if (!this.#owned ? ticking.n === 0 || !known : ticking.lastBy !== this.#parts.nodeId) this.#scheduler.check(this);
  }

  /** This node makes it tick from now on; or another one does. */
  setOwned(owned: boolean): void {
    this.#owned = owned;
    this.look();
    if (owned && this.#known) this.#wait();
    // It may have ended before it was ours.
    else if (owned && this.#owner.alive && !this.#owner.running) this.#scheduler.release(this);
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
      .then(() => fired && this.#parts.telemetry?.tick(this.actor, fired.lateMs, fired.missed))
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#firing = false;
        if (this.#owned && this.#known && this.#owner.alive) this.#wait();
      });
  }

  #fireIfDue(): Fired | undefined {
    const { ticking } = this.#owner.framework;
    if (!ticking || this.#isUndecided()) return undefined;
    const nowMs = this.#scheduler.nowMs();
    const lateMs = nowMs - this.#dueAtMs(ticking);
    if (lateMs < 0) return undefined;
    const elapsedMs = this.#elapsedMs(ticking);
    const missed = Math.max(0, Math.floor(elapsedMs / ticking.everyMs) - 1);
    // Where the last tick was written by a clock ahead of ours, time goes on from there.
    const atMs = Math.max(this.#parts.clock.now(), ticking.lastAtMs + ticking.everyMs);
    this.#owner.fireFramework(TICK_EVENT, { n: ticking.n + 1, missed }, atMs);
    this.#runsSinceMs = nowMs;
    return { lateMs, missed };
  }

  /** Time begins to run with our own tick when we fired it, with others' when we saw it, and with one that was loaded when its own clock says. */
  #startClock(ticking: Ticking, seenLive: boolean): void {
    if (ticking.lastBy === this.#parts.nodeId && this.#firing) return;
    const elapsedMs = this.#elapsedMs(ticking);
    this.#runsSinceMs = this.#scheduler.nowMs() - (seenLive ? 0 : Math.min(Math.max(elapsedMs, 0), ticking.everyMs));
  }

  /** Since the last tick, by the clock of the node that wrote it as far as we know how that goes. */
  #elapsedMs({ lastAtMs, lastBy }: Ticking): number {
    return this.#parts.clock.now() + this.#scheduler.clockOffsetMs(lastBy) - lastAtMs;
  }

  #dueAtMs({ everyMs }: Ticking): number {
    return this.#runsSinceMs + everyMs;
  }

  #wait(): void {
    if (this.#known && !this.#firing) this.#scheduler.wait(this, this.#dueAtMs(this.#known));
  }

  #failed(error: unknown): void {
    // Others were first, or the node goes: no harm. Anything else is tried again a whole tick later.
    if (!(isInstance(error, ShuttingDownError) || isInstance(error, ConflictError))) {
      this.#parts.log.warn(`${this.#owner.label}: a tick could not be stored; it is tried again`, error);
    }
    this.#runsSinceMs = this.#scheduler.nowMs();
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

function isSameData(a: TickingData, b: { everyMs: number; count: number | null }): boolean {
  return a.everyMs !== null && a.everyMs === b.everyMs && a.count === b.count;
}

function checkedOptions(options: TickOptions, label: string): { everyMs: number; count: number | null } {
  const { everyMs, count } = options ?? {};
  if (!(Number.isFinite(everyMs) && everyMs >= TICK_MS_MIN && everyMs <= TICK_MS_MAX)) {
    throw invalid(
      `${label}: startTicking({ everyMs }) takes milliseconds from ${TICK_MS_MIN} to ${TICK_MS_MAX}, but got ${String(everyMs)}`,
    );
  }
  if (count !== undefined && !(Number.isSafeInteger(count) && count >= 1)) {
    throw invalid(`${label}: startTicking({ count }) takes a whole number from 1 on, but got ${String(count)}`);
  }
  return { everyMs, count: count ?? null };
}

function invalid(message: string): OmniscientError {
  return new OmniscientError('INVALID_TICKING', message);
}
