import { PriorityQueue, SYSTEM, turnOfTheLoop } from '../../../engine/environment/index.js';
import { isBefore, type ScheduledCall } from './scheduled-call.js';
import type { SimulatedProcess } from './simulated-process.js';

/**
 * Virtual time, which passes only from one call to the next. A call is made when everything that follows from the one
 * before in promises has ended. So what happens, and in which order, depends only on what was scheduled.
 */
export class VirtualTime {
  readonly #heap = new PriorityQueue<ScheduledCall>(isBefore);
  #nowMs = 0;
  #sequence = 0;
  #steps = 0;
  #stopped = false;

  /** Milliseconds since the beginning. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many calls were made. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * Makes a call after so many milliseconds. A call in a process is made only while it lives, and waits while it is
   * frozen.
   */
  after(ms: number, run: () => void, process?: SimulatedProcess): ScheduledCall {
    return this.at(this.#nowMs + Math.max(0, ms), run, process);
  }

  at(atMs: number, run: () => void, process?: SimulatedProcess): ScheduledCall {
    const call = { atMs: Math.max(atMs, this.#nowMs), sequence: ++this.#sequence, run, process, isCancelled: false };
    this.#heap.add(call);
    return call;
  }

  /** Resolves after so many milliseconds. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  /** Makes the calls that a frozen process missed, in their old order. */
  thaw(process: SimulatedProcess): void {
    process.isFrozen = false;
    for (const { run } of process.takeHeld()) this.after(0, run, process);
  }

  /** Makes no more calls. */
  stop(): void {
    this.#stopped = true;
  }

  /** Continues until this time, or until `holds` returns true. */
  async goTo(untilMs: number, holds: () => boolean = () => false): Promise<void> {
    for (let next = this.#heap.first; next && next.atMs <= untilMs && !this.#stopped; next = this.#heap.first) {
      this.#heap.take();
      if (next.isCancelled || next.process?.isDead) continue;
      if (next.process?.isFrozen) {
        next.process.hold(next);
        continue;
      }
      this.#nowMs = next.atMs;
      this.#steps += 1;
      next.run();
      await turnOfTheLoop(SYSTEM);
      if (holds()) return;
    }
    if (!this.#stopped) this.#nowMs = Math.max(this.#nowMs, untilMs);
  }
}
