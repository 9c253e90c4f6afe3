/** Random numbers from a seed: the same seed gives the same numbers, in the same order. */
export class SeededRandom {
  readonly #name: string;
  #state: number;

  constructor(name: string) {
    this.#name = name;
    this.#state = hashOf(name);
  }

  /** Returns random numbers of its own for this name. They do not depend on how many were drawn here. */
  fork(name: string): SeededRandom {
    return new SeededRandom(`${this.#name}/${name}`);
  }

  /** Returns a number from 0 to below 1. (Mulberry32, a generator in the public domain.) */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Returns a whole number from `min` (0 if only one number is given) to below `max`. */
  int(...[first, second]: [max: number] | [min: number, max: number]): number {
    const [min, max] = second === undefined ? [0, first] : [first, second];
    return min + Math.floor(this.next() * (max - min));
  }

  /** Returns a number from `min` to below `max`. */
  between(min: number, max: number): number {
    return min + this.next() * (max - min);
  }

  /** Returns true with this probability, from 0 to 1. */
  chance(share: number): boolean {
    return this.next() < share;
  }

  /** Returns one of these. @throws RangeError if there are none. */
  pick<T>(among: readonly T[]): T {
    if (among.length === 0)
      throw new RangeError('pick() got an empty list, so there is nothing to pick: give it at least one element');
    return among[this.int(among.length)] as T;
  }

  /** Returns these in a random order. */
  shuffled<T>(all: readonly T[]): T[] {
    const shuffled = [...all];
    for (let i = shuffled.length - 1; i > 0; i -= 1) {
      const j = this.int(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
    }
    return shuffled;
  }

  /** Returns an id in the form of a UUID of version 4. */
  uuid(): string {
    const hex = [0, 1, 2, 3]
      .map(() =>
        Math.floor(this.next() * 2 ** 32)
          .toString(16)
          .padStart(8, '0'),
      )
      .join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}

/** FNV-1a, with a final mix so that names that differ in one digit begin far apart. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}
