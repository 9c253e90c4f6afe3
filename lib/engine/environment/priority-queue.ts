/** Finds the first of very many items: a binary heap. Adding and taking cost the logarithm of their number. */
export class PriorityQueue<T> {
  readonly #heap: T[] = [];
  readonly #isBefore: (one: T, other: T) => boolean;

  /** @param isBefore whether one item comes before another. Items of which neither does come in any order. */
  constructor(isBefore: (one: T, other: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** The item that comes before all others. */
  get first(): T | undefined {
    return this.#heap[0];
  }

  add(item: T): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt] as T;
      if (!this.#isBefore(item, parent)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = item;
  }

  /** Removes the first item. */
  take(): T | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (this.#heap.length > 0) this.#sink(last as T);
    return first;
  }

  clear(): void {
    this.#heap.length = 0;
  }

  /** Puts an item in the place of the first, and lets it down to where it belongs. */
  #sink(item: T): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= heap.length) break;
      if (childAt + 1 < heap.length && this.#isBefore(heap[childAt + 1] as T, heap[childAt] as T)) childAt += 1;
      const child = heap[childAt] as T;
      if (!this.#isBefore(child, item)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = item;
  }
}
