import { Ids } from '../../kernel/values/index.js';

/**
 * Predictable ids that look like UUIDs: `00000000-0000-4000-8000-000000000001`, then `…002`. In an application under
 * test: `{ provide: Ids, useValue: new SequentialIds() }`. Ids must stay unique in a store, so nodes that share a store
 * need different `series`.
 */
export class SequentialIds extends Ids {
  readonly #start: string;
  #last = 0;

  /** @param series a whole number from 0 to 99,999,999, the first part of every id. Default 0. */
  constructor(series = 0) {
    super();
    this.#start = `${String(series).padStart(8, '0')}-0000-4000-8000-`;
  }

  next(): string {
    this.#last += 1;
    return this.#start + String(this.#last).padStart(12, '0');
  }
}
