/** Events that are under way, in order of position, each for some listeners: up to where all of them are done. */
export class Progress {
  /** Position up to which everything is done. */
  done: number;
  readonly #open: { readonly position: number; left: number }[] = [];

  constructor(after: number) {
    this.done = after;
  }

  /** How many events are under way. */
  get size(): number {
    return this.#open.length;
  }

  /** An event of this position is under way; the function is to be called as often as `times` says. */
  begin(position: number, times: number): () => void {
    const entry = { position, left: times };
    this.#open.push(entry);
    this.#advance();
    return () => {
      entry.left -= 1;
      this.#advance();
    };
  }

  #advance(): void {
    while (this.#open[0]?.left === 0) this.done = (this.#open.shift() as { position: number }).position;
  }
}
