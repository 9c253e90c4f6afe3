import type { CallingProcess, ScheduledCall } from './call-heap.js';

/** One start of one node: what was scheduled in it ends with it. */
export class SimulatedProcess implements CallingProcess {
  /** For the trace: `n2`, say. */
  readonly name: string;
  isDead = false;
  /** It does nothing and hears nothing, but is still there. */
  isFrozen = false;
  /** By how much its clock is ahead of true time. Milliseconds. */
  clockOffsetMs = 0;
  /** What its monotonic clock said when the simulation began. Milliseconds. */
  readonly monotonicStartMs: number;
  readonly #held: ScheduledCall[] = [];

  constructor(name: string, monotonicStartMs: number) {
    this.name = name;
    this.monotonicStartMs = monotonicStartMs;
  }

  hold(call: ScheduledCall): void {
    this.#held.push(call);
  }

  takeHeld(): ScheduledCall[] {
    return this.#held.splice(0).filter(({ isCancelled }) => !isCancelled);
  }
}
