import type { CallingProcess, ScheduledCall } from './scheduled-call.js';

/** One start of one node. What was scheduled in it ends with it. */
export class SimulatedProcess implements CallingProcess {
  /** Its name in the trace, `n2` for example. */
  readonly name: string;
  isDead = false;
  /** Whether it is frozen: it does nothing and gets nothing, but still exists. */
  isFrozen = false;
  /** How far its clock is ahead of true time. Milliseconds. */
  clockOffsetMs = 0;
  /** What its monotonic clock showed when the simulation began. Milliseconds. */
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
