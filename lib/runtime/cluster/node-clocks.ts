/**
 * How far the nodes' clocks are apart, according to their heartbeats. Each clock is compared with our monotonic one,
 * which nobody sets. A heartbeat is read a little after it was written, so a reading is always a little less than the
 * clock shows. Elapsed time is therefore never overestimated. (Keeping the extreme reading to remove the delay:
 * Cristian, "Probabilistic Clock Synchronization", 1989.)
 */
export class NodeClocks {
  readonly #toleranceMs: number;
  /** In the order in which they were last read. */
  readonly #measured = new Map<string, Measured>();

  /** @param toleranceMs two readings that differ by more than this mean that the clock was set. */
  constructor(toleranceMs: number) {
    this.#toleranceMs = toleranceMs;
  }

  /**
   * Records that a node's clock showed `clockMs` at most `delayMsMax` before `nowMs`. A reading whose delay may be long
   * cannot refine what is known, but it shows that the clock was set.
   */
  read(nodeId: string, clockMs: number, nowMs: number, delayMsMax = this.#toleranceMs): void {
    const known = this.#measured.get(nodeId) ?? { sinceMs: nowMs, readAtMs: nowMs, readings: [] };
    known.readAtMs = nowMs;
    this.#measured.delete(nodeId);
    this.#measured.set(nodeId, known);
    addReading(known.readings, { aheadMs: clockMs - nowMs, delayMsMax }, this.#toleranceMs);
    const [oldest] = this.#measured.keys();
    if (oldest !== undefined && this.#measured.size > NODES_MAX) this.#measured.delete(oldest);
  }

  /**
   * How long ago that clock showed `atMs`, or a lower bound of that; `undefined` if it was never read. If the clock was
   * set meanwhile, it is the least that its readings allow. It is 0 if according to all of them that moment is still to
   * come.
   */
  elapsed(nodeId: string, atMs: number, nowMs: number): Elapsed | undefined {
    const known = this.#measured.get(nodeId);
    if (!known) return undefined;
    const possibleMs = known.readings.flatMap(({ aheadMs, delayMsMax }) => {
      const ms = nowMs + aheadMs - atMs;
      // A moment just past lies ahead of a clock that was read late.
      return ms >= -(this.#toleranceMs + delayMsMax) ? ms : [];
    });
    const leastMs = possibleMs.length > 0 ? Math.min(...possibleMs) : 0;
    return { ms: Math.max(0, leastMs), watchedMs: nowMs - known.sinceMs };
  }

  /**
   * Whether every clock that was read after `sinceMs` is within `toleranceMs` of a clock that shows `clockMs` now, and
   * was not set.
   */
  agree(clockMs: number, nowMs: number, sinceMs: number, toleranceMs: number): boolean {
    for (const { readings, readAtMs } of this.#measured.values()) {
      if (readAtMs < sinceMs) continue;
      const isApart = ({ aheadMs, delayMsMax }: Reading) => {
        const behindMs = clockMs - nowMs - aheadMs;
        return behindMs < -toleranceMs || behindMs > toleranceMs + delayMsMax - this.#toleranceMs;
      };
      if (readings.some(isApart)) return false;
    }
    return true;
  }
}

/**
 * How many nodes' clocks are remembered, including nodes that are gone. The one that was read longest ago is forgotten
 * first.
 */
const NODES_MAX = 10_000;
/** How many settings of one clock are remembered: more than a clock is set during one tick. */
const READINGS_MAX = 8;

/** What is known about one node's clock. */
interface Measured {
  /** When it was first read. All times here are on our monotonic clock. */
  readonly sinceMs: number;
  readAtMs: number;
  /** One for each time it was set, the newest last. */
  readonly readings: Reading[];
}

/** What a clock showed, less what ours did. */
interface Reading {
  /** The least by which it was ahead of our monotonic clock. */
  readonly aheadMs: number;
  /** How much more it may have been, because the reading came late. */
  readonly delayMsMax: number;
}

/** How long ago something was, by the clock of the node that recorded it. */
export interface Elapsed {
  readonly ms: number;
  /** How long that clock has been observed. For earlier times only its own word is known. */
  readonly watchedMs: number;
}

/**
 * Two readings that both can be of the same setting of the clock are. Of two that came soon the lower one is kept, which
 * is safe; otherwise the one that came sooner, which is exact.
 */
function addReading(readings: Reading[], reading: Reading, toleranceMs: number): void {
  const last = readings.at(-1);
  if (last !== undefined && isSameSetting(last, reading, toleranceMs)) {
    readings[readings.length - 1] = better(last, reading);
    return;
  }
  readings.push(reading);
  if (readings.length > READINGS_MAX) readings.shift();
}

function isSameSetting(one: Reading, other: Reading, toleranceMs: number): boolean {
  const leastMs = Math.max(one.aheadMs, other.aheadMs);
  const mostMs = Math.min(one.aheadMs + one.delayMsMax, other.aheadMs + other.delayMsMax);
  return leastMs <= Math.max(mostMs, Math.min(one.aheadMs, other.aheadMs) + toleranceMs);
}

function better(one: Reading, other: Reading): Reading {
  if (one.delayMsMax !== other.delayMsMax) return one.delayMsMax < other.delayMsMax ? one : other;
  return one.aheadMs < other.aheadMs ? one : other;
}
