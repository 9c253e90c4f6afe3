import { Observable, type Subscriber } from 'rxjs';
import type { Follower, FollowerOptions } from '../engine/follower.js';
import { SharedReader } from '../engine/shared-reader.js';
import { StoreFollower } from '../engine/store-follower.js';
import { StreamFollower } from '../engine/stream-follower.js';
import { OmniscientError } from '../kernel/errors.js';
import type { StoredEvent } from '../kernel/event.js';
import { checkedStreamId } from '../kernel/ids.js';
import { PageDecoder } from './page-decoder.js';
import type { RuntimeParts } from './settings.js';
import { outsideTurns } from './turn.js';

/** Where a subscription begins. */
export interface SubscriptionOptions {
  /** Only what comes after this version (of a stream) or position (of the store). Default 0: everything. */
  after?: number;
}

/**
 * Events as cold RxJS observables: history first, then live; no gap, no repeat, in order. Each subscription goes at its own pace, one page
 * at a time; those at the same place share what is read and parsed. Unsubscribing frees everything. They complete when the module shuts down.
 */
export class EventSubscriptions {
  readonly #parts: RuntimeParts;
  readonly #reader: SharedReader;
  readonly #decoder = new PageDecoder();
  readonly #running = new Set<Subscriber<StoredEvent>>();
  /** Those that follow the whole store. */
  readonly #followers = new Set<StoreFollower>();

  constructor(parts: RuntimeParts) {
    this.#parts = parts;
    this.#reader = new SharedReader(parts.engine);
  }

  /** The events of one stream, after version `after`. The stream id is the actor's id with its class's prefix. */
  stream$(streamId: string, options: SubscriptionOptions = {}): Observable<StoredEvent> {
    return this.#observable(options, (follow) => new StreamFollower(this.#reader, checkedStreamId(streamId), follow));
  }

  /** Events of these names across all streams, after position `after`; each bears the position to resume from. */
  named$(names: readonly string[], options: SubscriptionOptions = {}): Observable<StoredEvent> {
    return this.#observable(options, (follow) => new StoreFollower(this.#reader, { ...follow, names }));
  }

  /** All events of the store, after position `after`; each bears the position to resume from. */
  all$(options: SubscriptionOptions = {}): Observable<StoredEvent> {
    return this.#observable(options, (follow) => new StoreFollower(this.#reader, follow));
  }

  /** How many are open. */
  get size(): number {
    return this.#running.size;
  }

  /** By how many positions the slowest of `named$` and `all$` is behind; `undefined` if nobody follows the whole store. */
  lag(lastPosition: number): number | undefined {
    const places = [...this.#followers].map(({ place }) => place);
    return places.length === 0 ? undefined : Math.max(0, lastPosition - Math.min(...places));
  }

  /** Completes all subscriptions; for shutdown. */
  close(): void {
    for (const subscriber of [...this.#running]) subscriber.complete();
  }

  #observable(
    options: SubscriptionOptions,
    newFollower: (follow: FollowerOptions) => Follower,
  ): Observable<StoredEvent> {
    const after = options.after ?? 0;
    return new Observable((subscriber) => {
      assertPlace(after);
      const follower = newFollower({
        after,
        onEvents: (events) => {
          const page = this.#decoder.pageOf(events);
          for (let i = 0; i < events.length && !subscriber.closed; i += 1) subscriber.next(page.at(i));
        },
        onError: (error) => subscriber.error(error),
        onRetry: (error) => this.#parts.log.warn('a subscription could not read; it tries again', error),
      });
      this.#running.add(subscriber);
      if (follower instanceof StoreFollower) this.#followers.add(follower);
      outsideTurns(() => follower.start());
      return () => {
        this.#running.delete(subscriber);
        if (follower instanceof StoreFollower) this.#followers.delete(follower);
        follower.stop();
      };
    });
  }
}

/** @throws OmniscientError (`INVALID_AFTER`). */
export function assertPlace(after: unknown): void {
  if (typeof after === 'number' && Number.isSafeInteger(after) && after >= 0) return;
  throw new OmniscientError(
    'INVALID_AFTER',
    `'after' must be a whole number from 0 on (a version or position), but got ${String(after)}`,
  );
}
