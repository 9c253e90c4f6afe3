/** The next call to make: a binary heap. */
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

/** The process in which a call is made. */
export interface CallingProcess {
  readonly isDead: boolean;
  readonly isFrozen: boolean;
  /** Keeps a call while the process is frozen. It is made when the process continues. */
  hold(call: ScheduledCall): void;
}

/** A call that is due at some time. */
export interface ScheduledCall {
  readonly atMs: number;
  /** Decides between two calls at the same time. */
  readonly sequence: number;
  readonly run: () => void;
  /** The process in which it is made, if any. */
  readonly process: CallingProcess | undefined;
  isCancelled: boolean;
}

function isBefore(one: ScheduledCall, other: ScheduledCall): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.sequence < other.sequence);
}
