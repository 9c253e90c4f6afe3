import { randomFrom } from '../../support/seed.js';

/** Chance that comes from a seed: the same seed gives the same numbers, in the same order. */
export class Chance {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = randomFrom(seed);
  }

  /** Numbers of its own: how many are drawn there changes nothing here. */
  fork(): Chance {
    return new Chance(Math.floor(this.#next() * 2 ** 32));
  }

  /** From 0 to below 1. */
  next(): number {
    return this.#next();
  }

  /** A whole number from 0 to below `max`. */
  int(max: number): number {
    return Math.floor(this.#next() * max);
  }

  between(min: number, max: number): number {
    return min + this.#next() * (max - min);
  }

  /** Small ones often, large ones seldom. */
  skewed(min: number, max: number): number {
    return min * (max / min) ** this.#next();
  }

  /** True so many times out of one. */
  in(share: number): boolean {
    return this.#next() < share;
  }

  pick<T>(among: readonly T[]): T {
    return among[this.int(among.length)] as T;
  }

  shuffled<T>(all: readonly T[]): T[] {
    const shuffled = [...all];
    for (let i = shuffled.length - 1; i > 0; i -= 1) {
      const j = this.int(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
    }
    return shuffled;
  }

  /** In the form of a UUID. */
  uuid(): string {
    const hex = [0, 1, 2, 3]
      .map(() =>
        Math.floor(this.#next() * 2 ** 32)
          .toString(16)
          .padStart(8, '0'),
      )
      .join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}
