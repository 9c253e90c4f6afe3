import type { Subscriber } from 'rxjs';
import { type AsyncContext, detached } from '../../engine/environment/index.js';
import {
  EventPull,
  type Follower,
  type FollowerOptions,
  type PullSource,
  SharedReader,
  StoreFollower,
  StreamFollower,
} from '../../engine/reading/index.js';
import {
  checkedStreamId,
  EVENT_NAME_LENGTH_MAX,
  type EventRecord,
  OmniscientError,
  type StoredEvent,
  shownText,
  textFault,
} from '../../kernel/values/index.js';
import type { RuntimeParts } from '../parts/index.js';
import { subscribersContext } from '../turn/index.js';
import { EventReader, EventStream } from './event-stream.js';
import { PageDecoder } from './page-decoder.js';

/** Options of a subscription. */
export interface SubscriptionOptions {
  /** Only events after this version (of a stream) or position (of the store). Default 0: all. */
  after?: number;
}

/**
 * Events as cold RxJS observables: past ones first, then live ones, in order, without gaps or repeats. Inject it to use
 * it.
 *
 * Each subscription reads one page at a time, at its own pace. Subscriptions at the same place share what is read and
 * parsed. Unsubscribing frees everything. All complete when the module shuts down. If handling an event is slow, read
 * with `for await`, which waits.
 *
 * An observable fails with OmniscientError (`INVALID_AFTER`, `EVENT_UNREADABLE`), InvalidIdError (`INVALID_ID`), or an
 * EngineError that retrying does not fix.
 */
export class EventSubscriptions {
  readonly #parts: RuntimeParts;
  readonly #reader: SharedReader;
  readonly #decoder: PageDecoder;
  /** Subscribers, with the async contexts in which they subscribed. They are called in these. */
  readonly #running = new Map<Subscriber<StoredEvent>, AsyncContext>();
  /** Followers of the whole store. */
  readonly #followers = new Set<StoreFollower>();
  readonly #readers = new Set<EventReader>();
  #closed = false;

  constructor(parts: RuntimeParts) {
    this.#parts = parts;
    this.#reader = new SharedReader(parts.engine, parts.environment);
    this.#decoder = new PageDecoder(parts.environment);
  }

  /**
   * The events of one stream, after version `after`.
   *
   * @param streamId the actor's id with its class's prefix.
   */
  stream$(streamId: string, options: SubscriptionOptions = {}): EventStream {
    const newFollower = (follow: FollowerOptions) =>
      new StreamFollower(this.#reader, checkedStreamId(streamId), follow);
    return this.#events(options, newFollower, () => ({ stream: checkedStreamId(streamId) }));
  }

  /**
   * Events of these names across all streams, after position `after`. Each has the position from which to resume.
   *
   * @param names event names of 1 to 200 characters; the framework's own are allowed.
   * @throws OmniscientError (`INVALID_EVENT_NAME`).
   */
  named$(names: readonly string[], options: SubscriptionOptions = {}): EventStream {
    assertNames(names);
    const own = [...names];
    const newFollower = (follow: FollowerOptions) => new StoreFollower(this.#reader, { ...follow, names: own });
    return this.#events(options, newFollower, () => ({ names: own }));
  }

  /** All events of the store, after position `after`. Each has the position from which to resume. */
  all$(options: SubscriptionOptions = {}): EventStream {
    return this.#events(
      options,
      (follow) => new StoreFollower(this.#reader, follow),
      () => ({}),
    );
  }

  /** How many are open. */
  get size(): number {
    return this.#running.size + this.#readers.size;
  }

  /** How many positions the slowest of `named$` and `all$` is behind; `undefined` if nobody follows the whole store. */
  lag(lastPosition: number): number | undefined {
    const places = [...this.#followers].map(({ place }) => place);
    return places.length === 0 ? undefined : Math.max(0, lastPosition - Math.min(...places));
  }

  /**
   * Completes all subscriptions, also those that are opened later (a browser may connect again while the server still
   * answers). It is for shutdown.
   */
  close(): void {
    this.#closed = true;
    for (const [subscriber, context] of [...this.#running]) context.runInAsyncScope(() => subscriber.complete());
    for (const reader of [...this.#readers]) void reader.return();
  }

  #events(
    options: SubscriptionOptions,
    newFollower: (follow: FollowerOptions) => Follower,
    source: () => PullSource,
  ): EventStream {
    const after = options.after ?? 0;
    const subscribe = (subscriber: Subscriber<StoredEvent>) => {
      assertPlace(after);
      if (this.#closed) {
        subscriber.complete();
        return () => {};
      }
      const context = subscribersContext();
      const emit = (events: readonly EventRecord[]) => {
        const page = this.#decoder.pageOf(events);
        for (let i = 0; i < events.length && !subscriber.closed; i += 1) subscriber.next(page.at(i));
      };
      const follower = newFollower({
        after,
        onEvents: (events) => context.runInAsyncScope(emit, undefined, events),
        onError: (error) => context.runInAsyncScope(() => subscriber.error(error)),
        onRetry: (error) => this.#parts.log.warn('a subscription could not read events; reading is retried', error),
        environment: this.#parts.environment,
      });
      this.#running.set(subscriber, context);
      if (follower instanceof StoreFollower) this.#followers.add(follower);
      // A subscriber waits, so the process must not end.
      const release = this.#parts.environment.keepAlive();
      detached(() => follower.start());
      return () => {
        release();
        this.#running.delete(subscriber);
        if (follower instanceof StoreFollower) this.#followers.delete(follower);
        follower.stop();
      };
    };
    return new EventStream(subscribe, () => this.#newReader(source(), after));
  }

  #newReader(source: PullSource, after: number): EventReader {
    assertPlace(after);
    const { engine, log, environment } = this.#parts;
    const retried = (error: unknown) => log.warn('a subscription could not read events; reading is retried', error);
    const pull = new EventPull(engine, source, after, retried, environment);
    const reader: EventReader = new EventReader(pull, environment, () => this.#readers.delete(reader));
    if (this.#closed) void reader.return();
    else this.#readers.add(reader);
    return reader;
  }
}

/** The framework's own names are allowed too. @throws OmniscientError (`INVALID_EVENT_NAME`). */
function assertNames(names: readonly unknown[]): void {
  for (const name of names) {
    const fault = textFault(name, EVENT_NAME_LENGTH_MAX);
    if (fault !== undefined)
      throw new OmniscientError('INVALID_EVENT_NAME', `the event name ${shownText(name)} ${fault}`);
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
