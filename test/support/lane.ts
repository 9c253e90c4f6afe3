// The real ones, also where a test runner has replaced the globals.
import { clearTimeout, setTimeout } from 'node:timers';

/** Brings things in order, at once, later, or not for now. */
export class Lane {
  readonly #conditions: { isStalled(): boolean; delayMs(): number };
  readonly #waiting: { readonly bring: () => void; readonly dueMs: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(conditions: { isStalled(): boolean; delayMs(): number }) {
    this.#conditions = conditions;
  }

  push(bring: () => void): void {
    this.#waiting.push({ bring, dueMs: performance.now() + this.#conditions.delayMs() });
    this.flow();
  }

  /** Brings what is due. */
  flow(): void {
    clearTimeout(this.#timer);
    while (!this.#conditions.isStalled()) {
      const [first] = this.#waiting;
      if (!first) return;
      const leftMs = first.dueMs - performance.now();
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.flow(), Math.ceil(leftMs));
        return;
      }
      this.#waiting.shift();
      first.bring();
    }
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }
}
