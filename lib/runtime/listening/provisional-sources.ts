import type { Timer } from '../../engine/environment/environment.js';
import { listenerKey } from '../../kernel/framework/ended-sources.js';
import type { HeardSource } from '../../kernel/framework/listening-state.js';
import type { RuntimeParts } from '../parts/settings.js';
import type { ListeningOwner } from './listening-owner.js';
import type { Beginning, SubscriptionRecords } from './subscription-records.js';

/**
 * What an actor listens to that has no event yet. Nothing of it is stored, because whoever only looks at an actor stores nothing. So the actor hears for as
 * long as it is loaded, from then on; its first event brings this into the stream, and with it the promise that nothing is missed.
 */
export class ProvisionalSources {
  readonly #owner: ListeningOwner;
  readonly #records: SubscriptionRecords;
  readonly #parts: Pick<RuntimeParts, 'environment' | 'clock' | 'log'>;
  readonly #begun: () => void;
  readonly #sources = new Map<string, HeardSource>();
  #beginning: Promise<void> | undefined;
  #timer: Timer | undefined;
  #stopped = false;

  /** @param begun called when it listens to more. */
  constructor(
    owner: ListeningOwner,
    records: SubscriptionRecords,
    parts: Pick<RuntimeParts, 'environment' | 'clock' | 'log'>,
    begun: () => void,
  ) {
    this.#owner = owner;
    this.#records = records;
    this.#parts = parts;
    this.#begun = begun;
  }

  /** While it looks where sources end; never rejects. */
  get beginning(): Promise<void> | undefined {
    return this.#beginning;
  }

  /** What is known of a source: what is stored counts, if anything is. */
  known(key: string): HeardSource | undefined {
    const { sources, ended } = this.#owner.listeningState;
    const stored = sources.get(key);
    return stored?.sinceMs !== undefined || ended.has(key) ? stored : (this.#sources.get(key) ?? stored);
  }

  /** Up to where a source was heard that nothing is stored of. */
  processedTo(key: string, subscriptions: ReadonlyMap<string, { readonly processedTo: number }>): number | undefined {
    const source = this.#sources.get(key);
    return source && Math.max(source.at, subscriptions.get(key)?.processedTo ?? 0);
  }

  keys(): IterableIterator<string> {
    return this.#sources.keys();
  }

  delete(key: string): void {
    this.#sources.delete(key);
  }

  stop(): void {
    this.#stopped = true;
    this.#parts.environment.clearTimeout(this.#timer);
  }

  /** Begins where the sources end now, or where each says. */
  begin(all: readonly Beginning[]): void {
    const beginnings = all.filter(({ listener, source }) => !this.#sources.has(listenerKey(listener, source)));
    if (this.#beginning || beginnings.length === 0) return;
    const ended = () => {
      this.#beginning = undefined;
      if (!this.#stopped) this.#begun();
    };
    this.#beginning = this.#read(beginnings).then(ended, (error: unknown) => {
      if (this.#stopped) return;
      this.#parts.log.warn(`${this.#owner.label}: could not read where to begin to listen; it is tried again`, error);
      this.#timer = this.#parts.environment.setTimeout(ended, READ_AGAIN_MS).unref();
    });
  }

  async #read(beginnings: readonly Beginning[]): Promise<void> {
    const places = await Promise.all(
      beginnings.map(async ({ source, from }) => from ?? this.#records.placeNow(source)),
    );
    const sinceMs = this.#parts.clock.now();
    for (const [i, { listener, source, count, forMs }] of beginnings.entries()) {
      const heard = { listener, source, at: places[i] as number, count: 0, sinceMs, limits: { count, forMs } };
      this.#sources.set(listenerKey(listener, source), heard);
    }
  }
}

/** When it was not possible to read where a source ends: how soon it is tried again. Milliseconds. */
const READ_AGAIN_MS = 500;
