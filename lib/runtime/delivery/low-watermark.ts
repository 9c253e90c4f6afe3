/**
 * The position up to which all deliveries are done, while later events are under way. It remembers only what is not
 * done.
 */
export class LowWatermark {
  /** How many deliveries of an event are left, by its position, in order. */
  readonly #open = new Map<number, number>();
  #begun: number;

  constructor(after: number) {
    this.#begun = after;
  }

  /** The position up to which everything is done. */
  get done(): number {
    const [first] = this.#open.keys();
    return first === undefined ? this.#begun : first - 1;
  }

  /** How many events are under way. */
  get size(): number {
    return this.#open.size;
  }

  /** An event at this position is under way. The returned function must be called `times` times. */
  begin(position: number, times: number): () => void {
    this.#begun = position;
    if (times > 0) this.#open.set(position, times);
    return () => {
      const left = (this.#open.get(position) ?? 0) - 1;
      if (left > 0) this.#open.set(position, left);
      else this.#open.delete(position);
    };
  }
}
