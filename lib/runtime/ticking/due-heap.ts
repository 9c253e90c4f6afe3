/** Finds what is due next among very many: a binary heap. Adding and taking cost the logarithm of their number. */
export class DueHeap<T extends Due> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The entry that is due first. */
  get first(): T | undefined {
    return this.#heap[0];
  }

  add(item: T): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt] as T;
      if (parent.atMs <= item.atMs) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = item;
  }

  /** Removes the entry that is due first. */
  take(): T | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) this.#sink(last);
    return first;
  }

  clear(): void {
    this.#heap.length = 0;
  }

  #sink(item: T): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= heap.length) break;
      const right = heap[childAt + 1];
      if (right && right.atMs < (heap[childAt] as T).atMs) childAt += 1;
      const child = heap[childAt] as T;
      if (child.atMs >= item.atMs) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = item;
  }
}

/** An entry with a time. */
export interface Due {
  readonly atMs: number;
}
