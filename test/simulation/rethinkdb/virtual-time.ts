import { setImmediate } from 'node:timers';

/** Something that will be called. */
export interface Call {
  readonly atMs: number;
  /** Decides between two at the same time. */
  readonly sequence: number;
  readonly run: () => void;
  /** Whether it may resolve a promise. */
  readonly mayResolve: boolean;
  isCancelled: boolean;
}

/** Time that passes only from one call to the next. */
export class VirtualTime {
  nowMs = 0;
  /** How many calls were made. */
  calls = 0;
  #sequence = 0;
  /** Whether the present call may have resolved a promise. */
  #mayHaveResolved = true;
  /** A binary heap: what is called next comes first. */
  readonly #heap: Call[] = [];

  /** @param mayResolve whether it may resolve a promise; if not, `resolved()` says so when it does. */
  after(ms: number, run: () => void, mayResolve = true): Call {
    const atMs = this.nowMs + Math.max(0, ms);
    const call = { atMs, sequence: this.#sequence++, run, mayResolve, isCancelled: false };
    this.#add(call);
    return call;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  /** Makes every call up to this time, and lets all that each of them caused come to rest before the next. */
  async runUntil(atMs: number): Promise<void> {
    for (let call = this.#heap[0]; call && call.atMs <= atMs; call = this.#heap[0]) {
      this.#take();
      if (call.isCancelled) continue;
      this.nowMs = Math.max(this.nowMs, call.atMs);
      this.calls += 1;
      this.#mayHaveResolved = call.mayResolve;
      call.run();
      if (this.#mayHaveResolved) await new Promise((resolve) => setImmediate(resolve));
    }
    this.nowMs = atMs;
  }

  /** The present call resolves a promise. */
  resolved(): void {
    this.#mayHaveResolved = true;
  }

  #add(call: Call): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt] as Call;
      if (isBefore(parent, call)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = call;
  }

  #take(): void {
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) this.#sink(last);
  }

  #sink(call: Call): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= heap.length) break;
      const right = heap[childAt + 1];
      if (right && isBefore(right, heap[childAt] as Call)) childAt += 1;
      const child = heap[childAt] as Call;
      if (isBefore(call, child)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = call;
  }
}

function isBefore(one: Call, other: Call): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.sequence < other.sequence);
}
