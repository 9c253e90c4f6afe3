import type { TickTime } from '../../runtime/parts/index.js';

/** The time of ticks in a test. It stands still until the test moves it. */
export class ManualTickTime implements TickTime {
  readonly #wakes = new Set<Wake>();
  #nowMs = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  wake(atMs: number, due: () => void): () => void {
    const wake = { atMs, due };
    this.#wakes.add(wake);
    return () => this.#wakes.delete(wake);
  }

  /** When the next wake-up is due. It may be in the past. */
  get nextMs(): number | undefined {
    return this.#wakes.size === 0 ? undefined : Math.min(...[...this.#wakes].map(({ atMs }) => atMs));
  }

  /** Moves to this time, and wakes everyone who is due. */
  goTo(ms: number): void {
    this.#nowMs = Math.max(this.#nowMs, ms);
    const due = [...this.#wakes].filter(({ atMs }) => atMs <= this.#nowMs).sort((a, b) => a.atMs - b.atMs);
    for (const wake of due) {
      // One wake-up may have cancelled another.
      if (this.#wakes.delete(wake)) wake.due();
    }
  }
}

interface Wake {
  readonly atMs: number;
  readonly due: () => void;
}
