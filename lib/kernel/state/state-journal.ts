/** The changes that may yet be undone, oldest first. A mark is a place between two of them. */
export class StateJournal {
  /** How many changes are settled: the mark before the first change that is still stored. */
  #settled = 0;
  #changes: Change[] | undefined;

  get mark(): number {
    return this.#settled + this.#length;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  add(change: Change): void {
    (this.#changes ??= []).push(change);
  }

  /** Undoes everything since the mark, newest first. */
  undoTo(mark: number): void {
    const keep = this.#indexOf(mark);
    while (this.#length > keep) this.#changes?.pop()?.flip();
  }

  /** Forgets the changes before the mark. */
  settle(mark: number): void {
    if (mark <= this.#settled || !this.#changes) return;
    const count = this.#indexOf(mark);
    for (let index = 0; index < count; index++) this.#changes[index]?.settle?.();
    this.#settled = mark;
    if (count === this.#changes.length) this.#changes = undefined;
    else this.#changes.splice(0, count);
  }

  /** The result of `look` while everything since the mark is undone for a moment. */
  lookBack<T>(mark: number, look: () => T): T {
    const from = this.#indexOf(mark);
    const changes = this.#changes ?? [];
    for (let index = changes.length - 1; index >= from; index--) changes[index]?.flip();
    try {
      return look();
    } finally {
      for (let index = from; index < changes.length; index++) changes[index]?.flip();
    }
  }

  get #length(): number {
    return this.#changes?.length ?? 0;
  }

  #indexOf(mark: number): number {
    const index = mark - this.#settled;
    if (index < 0) throw new RangeError(`cannot go back to mark ${mark}: changes are settled up to ${this.#settled}`);
    if (index > this.#length) throw new RangeError(`there is no mark ${mark}: the journal ends at ${this.mark}`);
    return index;
  }
}

/** A change that can be undone: `flip` undoes it, a second `flip` does it again. */
export interface Change {
  flip(): void;
  /** It will never be undone, so it frees what it kept for that. */
  settle?(): void;
}
