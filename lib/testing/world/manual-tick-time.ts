import type { TickTime } from '../../runtime/parts/tick-time.js';

/** What ticks go by in a test: stands still until the test moves it. */
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

  /** When somebody wants to be woken next; it may be past. */
  get nextMs(): number | undefined {
    return this.#wakes.size === 0 ? undefined : Math.min(...[...this.#wakes].map(({ atMs }) => atMs));
  }

  /** Goes there, and wakes whoever is due. */
  goTo(ms: number): void {
    this.#nowMs = Math.max(this.#nowMs, ms);
    const due = [...this.#wakes].filter(({ atMs }) => atMs <= this.#nowMs).sort((a, b) => a.atMs - b.atMs);
    for (const wake of due) {
      // One that was woken may have ended another's wait.
      if (this.#wakes.delete(wake)) wake.due();
    }
  }
}

interface Wake {
  readonly atMs: number;
  readonly due: () => void;
}
