import { Observable, type Subscriber } from 'rxjs';
import { type Environment, keptAlive } from '../../engine/environment/index.js';
import type { EventPull } from '../../engine/reading/index.js';
import type { EventRecord, StoredEvent } from '../../kernel/values/index.js';
import { decodeEvent } from '../events/index.js';

/**
 * Events, in two forms. As an RxJS observable they are pushed as fast as they can be read, so they pile up in front of
 * slow work (with `concatMap`, for instance). With `for await` the next page is read only after the last one was
 * consumed, so the slowest reader holds no more than one page.
 *
 * @example
 * ```ts
 * import type { EventSubscriptions } from 'omniscient-nest';
 *
 * export async function mailAll(subscriptions: EventSubscriptions, mail: (to: string) => Promise<void>): Promise<void> {
 *   for await (const event of subscriptions.named$(['signed_up'])) await mail(event.streamId);
 * }
 * ```
 */
export class EventStream extends Observable<StoredEvent> implements AsyncIterable<StoredEvent> {
  readonly #read: () => EventReader;

  constructor(subscribe: (subscriber: Subscriber<StoredEvent>) => () => void, read: () => EventReader) {
    super(subscribe);
    this.#read = read;
  }

  [Symbol.asyncIterator](): AsyncIterator<StoredEvent, undefined> {
    return this.#read();
  }
}

/** Returns one event after the other, when asked. */
export class EventReader implements AsyncIterator<StoredEvent, undefined> {
  readonly #pull: EventPull;
  readonly #environment: Environment;
  readonly #ended: () => void;
  #page: readonly EventRecord[] = [];
  /** How many events of the page were returned. */
  #given = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** @param ended is called when nothing more will be read. */
  constructor(pull: EventPull, environment: Environment, ended: () => void) {
    this.#pull = pull;
    this.#environment = environment;
    this.#ended = ended;
  }

  next(): Promise<IteratorResult<StoredEvent, undefined>> {
    const next = this.#last.then(() => this.#nextOrEnd());
    this.#last = next.catch(() => {});
    return next;
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#pull.stop();
    this.#page = [];
    this.#ended();
    return { done: true, value: undefined };
  }

  /** A `for await` that ends with an error does not call `return`, so the reader ends itself. */
  async #nextOrEnd(): Promise<IteratorResult<StoredEvent, undefined>> {
    try {
      return await this.#next();
    } catch (error) {
      await this.return();
      throw error;
    }
  }

  async #next(): Promise<IteratorResult<StoredEvent, undefined>> {
    if (this.#given >= this.#page.length) {
      const page = await keptAlive(this.#environment, this.#pull.next());
      if (!page) return this.return();
      this.#page = page;
      this.#given = 0;
    }
    const event = this.#page[this.#given] as EventRecord;
    this.#given += 1;
    return { done: false, value: decodeEvent(event) };
  }
}
