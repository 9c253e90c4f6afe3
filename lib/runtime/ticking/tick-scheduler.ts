import type { Cluster } from '../cluster/cluster.js';
import type { NodeClocks } from '../cluster/node-clocks.js';
import type { RuntimeParts } from '../parts/settings.js';
import { type TickTime, tickTimeOf } from '../parts/tick-time.js';
import { DueHeap } from './due-heap.js';
import { TickSchedules } from './tick-schedules.js';
import type { TickingActor } from './ticking-actor.js';

/** All that tick on this node: one timer for all of them. */
export class TickScheduler {
  readonly #parts: RuntimeParts;
  readonly #cluster: Cluster;
  readonly #schedules: TickSchedules;
  readonly #heap = new DueHeap<Waiting>();
  /** What each waits for now; what else the heap holds of it is past. */
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

  /** Begins to look after schedules whose nodes are gone. */
  start(): void {
    this.#schedules.start();
  }

  /** Writes down that this node makes it tick, unless another does. @param since see `TickSchedule`. @throws EngineError. */
  own(role: TickingActor, since: number): Promise<void> {
    return this.#schedules.own(role, since);
  }

  /** Makes sure that somebody owns it, and learns whether it is this node: at once, or after a while. */
  check(role: TickingActor, atOnce: boolean): void {
    this.#schedules.check(role, atOnce);
  }

  /** It ticks from now on, here or elsewhere. */
  begun(role: TickingActor): void {
    this.#schedules.begun(role);
  }

  /** It ticks no more, or its activation is gone. */
  ended(role: TickingActor): void {
    this.#waiting.delete(role);
    this.#schedules.ended(role);
  }

  /** This node has no reason to keep its schedule: it does not tick. */
  release(role: TickingActor): void {
    this.#schedules.release(role);
  }

  /** By the clock that ticks go by, which is never set. */
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

  /** How many times the heap holds, those that are past included. */
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

  /** Who waits anew leaves the old time behind, and that may be years away. */
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
      this.#parts.log.error('a tick failed', error);
    }
  }
}

/** Most ticks fired before the event loop gets a turn. */
const TICKS_AT_ONCE_MAX = 256;

/** Most times in the heap that nobody waits for, beside as many as somebody waits for. */
const PAST_MAX = 1_000;

/** A role's time; one that waits anew has another. */
interface Waiting {
  readonly atMs: number;
  readonly role: TickingActor;
}
