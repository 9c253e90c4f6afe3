/** What is called next: a binary heap. */
export class CallHeap {
  readonly #heap: ScheduledCall[] = [];

  get first(): ScheduledCall | undefined {
    return this.#heap[0];
  }

  add(call: ScheduledCall): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt] as ScheduledCall;
      if (isBefore(parent, call)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = call;
  }

  take(): ScheduledCall | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) this.#sink(last);
    return first;
  }

  #sink(call: ScheduledCall): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= heap.length) break;
      const right = heap[childAt + 1];
      if (right && isBefore(right, heap[childAt] as ScheduledCall)) childAt += 1;
      const child = heap[childAt] as ScheduledCall;
      if (isBefore(call, child)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = call;
  }
}

/** Where a call is made. */
export interface CallingProcess {
  readonly isDead: boolean;
  readonly isFrozen: boolean;
  /** It is frozen: the call is made when it goes on. */
  hold(call: ScheduledCall): void;
}

/** Something that will be called. */
export interface ScheduledCall {
  readonly atMs: number;
  /** Decides between two at the same time. */
  readonly sequence: number;
  readonly run: () => void;
  /** Where it is called; nowhere in particular if there is none. */
  readonly process: CallingProcess | undefined;
  isCancelled: boolean;
}

function isBefore(one: ScheduledCall, other: ScheduledCall): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.sequence < other.sequence);
}
