import { Ids, OmniscientError } from '../../kernel/values/index.js';

/** The ids that a test chose, in order. */
export class ChosenIds extends Ids {
  readonly #ids: readonly string[];
  #taken = 0;

  constructor(ids: readonly string[]) {
    super();
    this.#ids = ids;
  }

  /** @throws OmniscientError `OUT_OF_IDS`. */
  next(): string {
    const id = this.#ids[this.#taken];
    if (id === undefined) {
      throw new OmniscientError(
        'OUT_OF_IDS',
        `WithIds(…) gave ${this.#ids.length} ids and one more is needed: give more`,
      );
    }
    this.#taken += 1;
    return id;
  }
}
