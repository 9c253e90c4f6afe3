/** Events that are under way, in order of position, each for some listeners: up to where all of them are done. Remembers only what is not done. */
export class LowWatermark {
  /** How many are left to do for an event, by its position, in order. */
  readonly #open = new Map<number, number>();
  #begun: number;

  constructor(after: number) {
    this.#begun = after;
  }

  /** Position up to which everything is done. */
  get done(): number {
    const [first] = this.#open.keys();
    return first === undefined ? this.#begun : first - 1;
  }

  /** How many events are under way. */
  get size(): number {
    return this.#open.size;
  }

  /** An event of this position is under way; the function is to be called as often as `times` says. */
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
