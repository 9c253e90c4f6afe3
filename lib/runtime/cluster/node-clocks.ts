/**
 * How far the nodes' clocks are apart, as their heartbeats show it. Each clock is compared with our monotonic one, which nobody sets. A heartbeat is read a
 * little after it was written, so what is read is always a little less than the clock shows: time that has passed is never taken to be more than it is.
 * (Keeping the extreme reading to be rid of the delay: Cristian, "Probabilistic Clock Synchronization", 1989.)
 */
export class NodeClocks {
  readonly #toleranceMs: number;
  /** In the order in which they were read last. */
  readonly #measured = new Map<string, Measured>();

  /** @param toleranceMs two readings that differ by more than this mean that the clock was set. */
  constructor(toleranceMs: number) {
    this.#toleranceMs = toleranceMs;
  }

  /** Its clock showed `clockMs` a moment before `nowMs`. */
  read(nodeId: string, clockMs: number, nowMs: number): void {
    const known = this.#measured.get(nodeId) ?? { sinceMs: nowMs, readAtMs: nowMs, aheadMs: [] };
    known.readAtMs = nowMs;
    this.#measured.delete(nodeId);
    this.#measured.set(nodeId, known);
    addReading(known.aheadMs, clockMs - nowMs, this.#toleranceMs);
    const [oldest] = this.#measured.keys();
    if (oldest !== undefined && this.#measured.size > NODES_MAX) this.#measured.delete(oldest);
  }

  /**
   * How long ago that clock showed `atMs`, or at least how long; `undefined` if it was never read. If the clock was set meanwhile, it is the least that its readings
   * allow. 0 if by all of them that moment is still to come.
   */
  elapsed(nodeId: string, atMs: number, nowMs: number): Elapsed | undefined {
    const known = this.#measured.get(nodeId);
    if (!known) return undefined;
    // What was a moment ago lies ahead of a clock that was read late.
    const soonMs = 2 * this.#toleranceMs;
    const possibleMs = known.aheadMs.map((aheadMs) => nowMs + aheadMs - atMs).filter((ms) => ms >= -soonMs);
    const leastMs = possibleMs.length > 0 ? Math.min(...possibleMs) : 0;
    return { ms: Math.max(0, leastMs), watchedMs: nowMs - known.sinceMs };
  }

  /** Whether no clock that was read after `sinceMs` is further than `toleranceMs` from a clock that shows `clockMs` now, or was set. */
  agree(clockMs: number, nowMs: number, sinceMs: number, toleranceMs: number): boolean {
    for (const { aheadMs, readAtMs } of this.#measured.values()) {
      if (readAtMs < sinceMs) continue;
      if (aheadMs.some((ms) => Math.abs(nowMs + ms - clockMs) > toleranceMs)) return false;
    }
    return true;
  }
}

/** Most nodes whose clocks are remembered, those that are gone included; the one that was read longest ago is forgotten first. */
const NODES_MAX = 10_000;
/** Most readings of one clock that was set: more than a clock is set while one tick is waited for. */
const READINGS_MAX = 8;

/** What is known of one node's clock. */
interface Measured {
  /** When it was first read. On our monotonic clock, as all that follows. */
  readonly sinceMs: number;
  readAtMs: number;
  /** How far it was ahead of our monotonic clock: one number for each time it was set, the newest last. */
  readonly aheadMs: number[];
}

/** How long ago something was, by the clock of the node that wrote down when. */
export interface Elapsed {
  readonly ms: number;
  /** That clock has been watched for so long: what it says of the time before is only what it says. */
  readonly watchedMs: number;
}

/** What differs little from the last reading is the same clock read with another delay: the lower of the two is safe. */
function addReading(readings: number[], aheadMs: number, toleranceMs: number): void {
  const last = readings.at(-1);
  if (last !== undefined && Math.abs(aheadMs - last) <= toleranceMs) {
    readings[readings.length - 1] = Math.min(aheadMs, last);
    return;
  }
  readings.push(aheadMs);
  if (readings.length > READINGS_MAX) readings.shift();
}
