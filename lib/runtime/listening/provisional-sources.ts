import type { Timer } from '../../engine/environment/index.js';
import { type HeardSource, listenerKey } from '../../kernel/framework/index.js';
import type { RuntimeParts } from '../parts/index.js';
import type { ListeningOwner } from './listening-owner.js';
import type { Beginning, SubscriptionRecords } from './subscription-records.js';

/**
 * Sources of an actor that has no event yet. Nothing of them is stored, because looking at an actor must store nothing.
 * The actor listens only while it is loaded. Its first event records these sources in the stream; from then on no event
 * is missed.
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

  /** @param begun is called when it listens to more. */
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

  /** Resolves when it knows where the sources end; `undefined` if it is not reading. It never rejects. */
  get beginning(): Promise<void> | undefined {
    return this.#beginning;
  }

  /** What is known about a source. A stored entry takes precedence. */
  known(key: string): HeardSource | undefined {
    const { sources, ended } = this.#owner.listeningState;
    const stored = sources.get(key);
    return stored?.sinceMs !== undefined || ended.has(key) ? stored : (this.#sources.get(key) ?? stored);
  }

  /** How far a source was heard of which nothing is stored. */
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

  /** Begins at the current end of each source, or where it says. */
  begin(all: readonly Beginning[]): void {
    const beginnings = all.filter(({ listener, source }) => !this.#sources.has(listenerKey(listener, source)));
    if (this.#beginning || beginnings.length === 0) return;
    const ended = () => {
      this.#beginning = undefined;
      if (!this.#stopped) this.#begun();
    };
    this.#beginning = this.#read(beginnings).then(ended, (error: unknown) => {
      if (this.#stopped) return;
      this.#parts.log.warn(
        `${this.#owner.label}: the ends of the streams that it listens to could not be read; reading is retried`,
        error,
      );
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

/** How soon reading the ends of sources is retried after a failure. Milliseconds. */
const READ_AGAIN_MS = 500;
