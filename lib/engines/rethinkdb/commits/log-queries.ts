import type { Reql, Term } from '../connections/index.js';

/** Queries for entries of the position log. */
export class LogQueries {
  readonly #r: Reql;
  readonly #log: Term;

  constructor(r: Reql, log: Term) {
    this.#r = r;
    this.#log = log;
  }

  /** The last entry, without its commits. */
  last(): Term {
    const entries = this.#log.orderBy({ index: this.#r.desc('id') }).limit(1);
    return entries.pluck('id', 'count', 'batches').coerceTo('array');
  }

  /** The last entry that begins before this position. */
  lastBefore(position: number): Term {
    const before = this.#log.between(this.#r.minval, position);
    return before.orderBy({ index: this.#r.desc('id') }).limit(1);
  }

  /** The entries that begin at this position or later, in order. */
  from(position: number): Term {
    return this.#log.between(position, this.#r.maxval).orderBy({ index: this.#r.asc('id') });
  }
}
