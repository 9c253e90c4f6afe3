import type { Cluster } from '../cluster/cluster.js';
import type { RuntimeParts } from '../settings.js';
import { DueHeap } from './due-heap.js';
import type { TickRole } from './tick-role.js';
import { TickSchedules } from './tick-schedules.js';
import { type TickTime, tickTimeOf } from './tick-time.js';

/** Most ticks fired before the event loop gets a turn. */
const TICKS_AT_ONCE_MAX = 256;

/** A role's time; one that waits anew has another. */
interface Waiting {
  readonly atMs: number;
  readonly role: TickRole;
}

/** All that tick on this node: one timer for all of them. */
export class TickScheduler {
  readonly #parts: RuntimeParts;
  readonly #cluster: Cluster;
  readonly #schedules: TickSchedules;
  readonly #heap = new DueHeap<Waiting>();
  /** What each waits for now; what else the heap holds of it is past. */
  readonly #waiting = new Map<TickRole, Waiting>();
  readonly #time: TickTime;
  #endTimer: (() => void) | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #stopped = false;

  /** @param activate loads an actor, so that it ticks here. */
  constructor(
    parts: RuntimeParts,
    cluster: Cluster,
    activate: (actor: string, id: string) => Promise<TickRole | undefined>,
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

  /** Writes down that this node makes it tick, unless another does. */
  own(role: TickRole): Promise<void> {
    return this.#schedules.own(role);
  }

  /** Makes sure, soon, that somebody owns it, and learns whether it is this node. */
  check(role: TickRole): void {
    this.#schedules.check(role);
  }

  /** It ticks no more. */
  release(role: TickRole): void {
    this.#waiting.delete(role);
    this.#schedules.release(role);
  }

  /** Its activation is gone. */
  forget(role: TickRole): void {
    this.#waiting.delete(role);
    this.#schedules.forget(role);
  }

  /** By the clock that ticks go by, which is never set. */
  nowMs(): number {
    return this.#time.nowMs();
  }

  /** Calls `role.fire()` at this time of that clock. */
  wait(role: TickRole, atMs: number): void {
    if (this.#stopped) return;
    const known = this.#waiting.get(role);
    if (known && Math.abs(known.atMs - atMs) < 0.01) return;
    const waiting = { atMs, role };
    this.#waiting.set(role, waiting);
    this.#heap.add(waiting);
    this.#setTimer(atMs);
  }

  /** By how much that node's clock is ahead of ours, as far as is known. */
  clockOffsetMs(nodeId: string): number {
    return this.#cluster.membership.clockOffsetMs(nodeId);
  }

  /** Fires nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#endTimer?.();
    this.#heap.clear();
    this.#waiting.clear();
    this.#schedules.stop();
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

  #fire(role: TickRole): void {
    try {
      role.fire();
    } catch (error) {
      this.#parts.log.error('a tick failed', error);
    }
  }
}
