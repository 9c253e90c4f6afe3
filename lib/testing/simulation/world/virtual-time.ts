import { turnOfTheLoop } from '../../../engine/environment/environment.js';
import { SYSTEM } from '../../../engine/environment/system-environment.js';
import { CallHeap, type ScheduledCall } from './call-heap.js';
import type { SimulatedProcess } from './simulated-process.js';

/**
 * Time that passes only from one call to the next. One call is taken at a time, and all that follows from it in promises has ended before the next is taken:
 * so what happens, and in which order, depends on nothing but what was scheduled.
 */
export class VirtualTime {
  readonly #heap = new CallHeap();
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

  /** Makes this call in so many milliseconds; in a process only as long as that lives, and not while it is frozen. */
  after(ms: number, run: () => void, process?: SimulatedProcess): ScheduledCall {
    return this.at(this.#nowMs + Math.max(0, ms), run, process);
  }

  at(atMs: number, run: () => void, process?: SimulatedProcess): ScheduledCall {
    const call = { atMs: Math.max(atMs, this.#nowMs), sequence: ++this.#sequence, run, process, isCancelled: false };
    this.#heap.add(call);
    return call;
  }

  /** Resolves in so many milliseconds. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  /** What a process could not do while it was frozen comes now, in its old order. */
  thaw(process: SimulatedProcess): void {
    process.isFrozen = false;
    for (const { run } of process.takeHeld()) this.after(0, run, process);
  }

  /** Nothing more is called. */
  stop(): void {
    this.#stopped = true;
  }

  /** Goes on until then, or until `holds` says so. */
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
