/** Sources of `listenTo` that ended for good. When `onActivate` listens to one of them again, nothing begins. */
export class EndedSources {
  /** In the order in which they ended. */
  readonly #all = new Map<string, readonly [listener: string, source: string]>();

  get size(): number {
    return this.#all.size;
  }

  /** @param key as `listenerKey` returns it. */
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

  /** In order. A listener's name is not repeated for each of its sources. */
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

/**
 * How many ended sources of `listenTo` an actor remembers: the latest. If `onActivate` listens to one that is
 * forgotten, it begins anew.
 */
export const ENDED_SOURCES_MAX = 1_000;

/** A listener's name, and those of its sources that ended one after the other. */
type Run = readonly [listener: string, ...sources: string[]];

/** The key of one listener on one source. */
export function listenerKey(listener: string, source: string): string {
  return `${listener}\0${source}`;
}
