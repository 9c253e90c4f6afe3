/** Sources to which code listened and that ended for good, so that an `onActivate` which listens to them again begins nothing. */
export class EndedSources {
  /** The last ones last. */
  readonly #all = new Map<string, readonly [listener: string, source: string]>();

  get size(): number {
    return this.#all.size;
  }

  /** @param key of `listenerKey`. */
  has(key: string): boolean {
    return this.#all.has(key);
  }

  add(listener: string, source: string): void {
    const key = listenerKey(listener, source);
    this.#all.delete(key);
    this.#all.set(key, [listener, source]);
    const [oldest] = this.#all.keys();
    if (this.#all.size > ENDED_SOURCES_MAX) this.#all.delete(oldest as string);
  }

  delete(key: string): void {
    this.#all.delete(key);
  }

  /** In order; a listener's name is not repeated for each of its sources. */
  toJSON(): readonly Run[] {
    const runs: [string, ...string[]][] = [];
    for (const [listener, source] of this.#all.values()) {
      const last = runs.at(-1);
      if (last?.[0] === listener) last.push(source);
      else runs.push([listener, source]);
    }
    return runs;
  }

  restore(runs: readonly Run[]): void {
    for (const [listener, ...sources] of runs) for (const source of sources) this.add(listener, source);
  }
}

/** Most sources that ended in code of which an actor remembers that they did: the last. `onActivate` begins anew what ended before those. */
export const ENDED_SOURCES_MAX = 1_000;

/** One listener's sources, after its name: those that came one after the other. */
type Run = readonly [listener: string, ...sources: string[]];

/** One listener on one source. */
export function listenerKey(listener: string, source: string): string {
  return `${listener}\0${source}`;
}
