import { performance } from 'node:perf_hooks';
// The real ones, also where a test runner has replaced the globals.
import { setImmediate, setTimeout } from 'node:timers';
import type { Cluster } from '../cluster/cluster.js';
import type { RuntimeParts } from '../settings.js';
import { DueHeap } from './due-heap.js';
import type { TickRole } from './tick-role.js';
import { TickSchedules } from './tick-schedules.js';

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
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #stopped = false;

  /** @param activate loads an actor, so that it ticks here. */
  constructor(
    parts: RuntimeParts,
    cluster: Cluster,
    activate: (actor: string, id: string) => Promise<TickRole | undefined>,
  ) {
    this.#parts = parts;
    this.#cluster = cluster;
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

  /** Calls `role.fire()` at this time of the monotonic clock. */
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
    clearTimeout(this.#timer);
    this.#heap.clear();
    this.#waiting.clear();
    this.#schedules.stop();
  }

  #setTimer(atMs: number): void {
    if (atMs >= this.#timerAtMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    // A timer counts whole milliseconds and may be one early.
    const delayMs = Math.min(Math.max(0, Math.ceil(atMs - performance.now())), TIMER_MS_MAX);
    this.#timer = setTimeout(() => this.#fireDue(), delayMs);
    this.#timer.unref();
  }

  #fireDue(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = performance.now();
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
    if (next.atMs <= nowMs) setImmediate(() => this.#fireDue());
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

/** Longest wait of one timer; Node's overflow beyond 24.8 days. Milliseconds. */
const TIMER_MS_MAX = 24 * 3_600_000;
