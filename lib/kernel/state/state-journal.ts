/** The changes that may yet be undone, oldest first. A mark is a place between two of them. */
export class StateJournal {
  /** How many changes are settled: the mark before the first change that is kept. */
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

  /** Takes back everything since the mark, newest first. */
  undoTo(mark: number): void {
    const keep = this.#indexOf(mark);
    while (this.#length > keep) this.#changes?.pop()?.flip();
  }

  /** Forgets what came before the mark. */
  settle(mark: number): void {
    if (mark <= this.#settled || !this.#changes) return;
    const count = this.#indexOf(mark);
    for (let index = 0; index < count; index++) this.#changes[index]?.settle?.();
    this.#settled = mark;
    if (count === this.#changes.length) this.#changes = undefined;
    else this.#changes.splice(0, count);
  }

  /** What `look` gives when everything since the mark is taken back for a moment. */
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
    if (index < 0) throw new RangeError(`what came after mark ${mark} is settled up to ${this.#settled}`);
    if (index > this.#length) throw new RangeError(`there is no mark ${mark}: the journal ends at ${this.mark}`);
    return index;
  }
}

/** A change that can be taken back: flipped once it is undone, flipped twice it is done again. */
export interface Change {
  flip(): void;
  /** It will never be undone: lets go of what it kept for that. */
  settle?(): void;
}
