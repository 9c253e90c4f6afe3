import { PriorityQueue } from '../../engine/environment/index.js';
import type { Cluster, NodeClocks } from '../cluster/index.js';
import { type RuntimeParts, type TickTime, tickTimeOf } from '../parts/index.js';
import { TickSchedules } from './tick-schedules.js';
import type { TickingActor } from './ticking-actor.js';

/** Schedules everything that ticks on this node, with one timer. */
export class TickScheduler {
  readonly #parts: RuntimeParts;
  readonly #cluster: Cluster;
  readonly #schedules: TickSchedules;
  readonly #heap = new PriorityQueue<Waiting>((one, other) => one.atMs < other.atMs);
  /** The present time of each. Other entries of it in the heap are outdated. */
  readonly #waiting = new Map<TickingActor, Waiting>();
  readonly #time: TickTime;
  #endTimer: (() => void) | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #stopped = false;

  /** @param activate loads an actor, so that it ticks here. */
  constructor(
    parts: RuntimeParts,
    cluster: Cluster,
    activate: (actor: string, id: string) => Promise<TickingActor | undefined>,
    time: TickTime = tickTimeOf(parts.environment),
  ) {
    this.#parts = parts;
    this.#cluster = cluster;
    this.#time = time;
    this.#schedules = new TickSchedules(parts, cluster, activate);
  }

  /** Begins to take over schedules of nodes that are gone. */
  start(): void {
    this.#schedules.start();
  }

  /**
   * Records that this node makes it tick, unless another one does. @param since see `TickSchedule`. @throws
   * EngineError.
   */
  own(role: TickingActor, since: number): Promise<void> {
    return this.#schedules.own(role, since);
  }

  /** Ensures that some node owns its schedule, and learns whether it is this one: at once, or after a while. */
  check(role: TickingActor, atOnce: boolean): void {
    this.#schedules.check(role, atOnce);
  }

  /** It ticks from now on, here or elsewhere. */
  begun(role: TickingActor): void {
    this.#schedules.begun(role);
  }

  /** It no longer ticks, or its activation is gone. */
  ended(role: TickingActor): void {
    this.#waiting.delete(role);
    this.#schedules.ended(role);
  }

  /** Releases its schedule, because it does not tick. */
  release(role: TickingActor): void {
    this.#schedules.release(role);
  }

  /** The time of the clock for ticks, which is never set. */
  nowMs(): number {
    return this.#time.nowMs();
  }

  /** Calls `role.fire()` at this time of that clock. */
  wait(role: TickingActor, atMs: number): void {
    if (this.#stopped) return;
    const known = this.#waiting.get(role);
    if (known && Math.abs(known.atMs - atMs) < 0.01) return;
    const waiting = { atMs, role };
    this.#waiting.set(role, waiting);
    this.#heap.add(waiting);
    if (this.#heap.size > 2 * this.#waiting.size + PAST_MAX) this.#dropPast();
    this.#setTimer(atMs);
  }

  /** How far the nodes' clocks are apart. */
  get clocks(): NodeClocks {
    return this.#cluster.membership.clocks;
  }

  /** How many times are in the heap, outdated ones included. */
  get size(): number {
    return this.#heap.size;
  }

  /** Fires nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#endTimer?.();
    this.#heap.clear();
    this.#waiting.clear();
    this.#schedules.stop();
  }

  /** A role that waits anew leaves its old time in the heap, and that may be years away. */
  #dropPast(): void {
    this.#heap.clear();
    for (const waiting of this.#waiting.values()) this.#heap.add(waiting);
  }

  #setTimer(atMs: number): void {
    if (atMs >= this.#timerAtMs) return;
    this.#endTimer?.();
    this.#timerAtMs = atMs;
    this.#endTimer = this.#time.wake(atMs, () => this.#fireDue());
  }

  #fireDue(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#time.nowMs();
    for (let fired = 0; fired < TICKS_AT_ONCE_MAX; ) {
      const first = this.#heap.first;
      if (!first || first.atMs > nowMs) break;
      this.#heap.take();
      if (this.#waiting.get(first.role) !== first) continue;
      this.#waiting.delete(first.role);
      fired += 1;
      this.#fire(first.role);
    }
    const next = this.#heap.first;
    if (!next || this.#stopped) return;
    if (next.atMs <= nowMs) this.#parts.environment.setImmediate(() => this.#fireDue());
    else this.#setTimer(next.atMs);
  }

  #fire(role: TickingActor): void {
    try {
      role.fire();
    } catch (error) {
      this.#parts.log.error('a tick could not be fired', error);
    }
  }
}

/** How many ticks are fired before the event loop gets a turn. */
const TICKS_AT_ONCE_MAX = 256;

/** How many outdated times the heap may hold, beyond the number of current ones. */
const PAST_MAX = 1_000;

/** The time of a role. If the role waits anew, it gets another entry. */
interface Waiting {
  readonly atMs: number;
  readonly role: TickingActor;
}
