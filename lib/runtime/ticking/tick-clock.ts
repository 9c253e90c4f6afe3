import type { Ticking } from '../../kernel/framework/index.js';
import type { NodeClocks } from '../cluster/index.js';
import type { RuntimeParts } from '../parts/index.js';

/**
 * How long ago one actor's last tick was (or its start, before the first). Ticks that were fired or seen here are
 * measured by this node's monotonic clock. Ticks that were read from the store are measured by the clock of the node
 * that wrote them, as heartbeats show it. If that node was never seen alive, our own clock counts.
 */
export class TickClock {
  readonly #parts: RuntimeParts;
  readonly #time: Clocks;
  /** When the last tick was fired, seen or read here. */
  #sinceMs = 0;
  /** The last tick, if it was only read from the store. */
  #stored: Ticking | undefined;
  /** The same for the tick before, while the last one is not stored yet. */
  #before: { readonly sinceMs: number; readonly stored: Ticking | undefined } | undefined;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(parts: RuntimeParts, time: Clocks) {
    this.#parts = parts;
    this.#time = time;
  }

  /** The last tick was just now. */
  begin(): void {
    this.#before = undefined;
    this.#sinceMs = this.#time.nowMs();
    this.#stored = undefined;
  }

  /** The last tick was read from the store. */
  beginFrom(ticking: Ticking): void {
    this.begin();
    this.#stored = ticking;
  }

  /** The last tick is now, provided that it can be stored. */
  beginUnstored(): void {
    const before = { sinceMs: this.#sinceMs, stored: this.#stored };
    this.begin();
    this.#before = before;
  }

  /** Takes that back: the tick could not be stored. */
  undo(): void {
    if (!this.#before) return;
    this.#sinceMs = this.#before.sinceMs;
    this.#stored = this.#before.stored;
    this.#before = undefined;
  }

  /** Fires nothing before this time, whatever is due. */
  restUntil(ms: number): void {
    this.#notBeforeMs = ms;
  }

  /** When the next tick may be fired. */
  dueAtMs(everyMs: number): number {
    return Math.max(this.#dueAtMs(everyMs), this.#notBeforeMs);
  }

  /** How late the next tick is. Time before the last one was read here does not count. */
  lateMs(everyMs: number): number {
    return this.#time.nowMs() - Math.max(this.dueAtMs(everyMs), this.#sinceMs);
  }

  /** How many ticks were skipped, besides the one that is due. */
  missed(everyMs: number): number {
    return Math.max(0, Math.floor(this.#past().ms / everyMs) - 1);
  }

  #dueAtMs(everyMs: number): number {
    const wholeMs = this.#sinceMs + everyMs;
    if (!this.#stored) return wholeMs;
    const nowMs = this.#time.nowMs();
    const { ms, certainMs } = this.#past();
    const waitMs = Math.max(everyMs - ms, Math.min(everyMs, UNWATCHED_WAIT_MS) - certainMs);
    return Math.min(wholeMs, nowMs + waitMs);
  }

  #past(): Past {
    const hereMs = this.#time.nowMs() - this.#sinceMs;
    if (!this.#stored) return { ms: hereMs, certainMs: hereMs };
    const { lastBy, lastAtMs, clockMs: atMs = lastAtMs } = this.#stored;
    const { clock, environment, nodeId } = this.#parts;
    const { clocks } = this.#time;
    const [clockMs, nowMs] = [clock.now(), environment.monotonicMs()];
    if (lastBy === nodeId) clocks.read(nodeId, clockMs, nowMs);
    const elapsed = clocks.elapsed(lastBy, atMs, nowMs);
    if (elapsed) {
      const certainMs = Math.max(hereMs, Math.min(elapsed.ms, elapsed.watchedMs));
      return { ms: Math.max(hereMs, elapsed.ms), certainMs };
    }
    return { ms: this.#agree(clockMs, nowMs) ? Math.max(hereMs, clockMs - atMs) : hereMs, certainMs: hereMs };
  }

  /** Whether clocks seem to be set correctly in this cluster, so that unseen ones probably are, too. */
  #agree(clockMs: number, nowMs: number): boolean {
    const { heartbeatTimeoutMs } = this.#parts.limits;
    const sinceMs = nowMs - heartbeatTimeoutMs * CLOCKS_USED_TIMEOUTS;
    return this.#time.clocks.agree(clockMs, nowMs, sinceMs, heartbeatTimeoutMs);
  }
}

/**
 * The shortest wait after a tick whose clock no running node has observed, or the whole interval if that is shorter.
 * Clocks that are set wrongly then do no harm. Milliseconds.
 */
const UNWATCHED_WAIT_MS = 60_000;

/** Clocks that were not read for this many heartbeat time-outs say nothing about those in use. */
const CLOCKS_USED_TIMEOUTS = 30;

/** The clocks by which a role measures time. */
export interface Clocks {
  /** The time of the clock for ticks, which is never set. */
  nowMs(): number;
  readonly clocks: NodeClocks;
}

/** How long ago a tick was. */
interface Past {
  /** The best estimate. */
  readonly ms: number;
  /** How much of that is certain. */
  readonly certainMs: number;
}
