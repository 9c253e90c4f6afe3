import type { Environment } from '../../engine/environment/index.js';
import type { EventRecord, StoredEvent } from '../../kernel/values/index.js';
import { decodeEvent } from '../events/index.js';

/**
 * Parses the events of a page once for several subscribers. They get the page one right after the other, so only the
 * last page is kept, and only briefly.
 */
export class PageDecoder {
  readonly #environment: Environment;
  #last: Page | undefined;
  #forgetting = false;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  pageOf(records: readonly EventRecord[]): Page {
    if (this.#last?.records === records) return this.#last;
    this.#last = new Page(records);
    this.#forgetSoon();
    return this.#last;
  }

  /** After everything that is ready in this turn of the event loop. */
  #forgetSoon(): void {
    if (this.#forgetting) return;
    this.#forgetting = true;
    this.#environment.setImmediate(() => {
      this.#forgetting = false;
      this.#last = undefined;
    });
  }
}

/** Events that are parsed when the first subscriber reaches them. So an unreadable event stops nobody before it. */
class Page {
  readonly records: readonly EventRecord[];
  readonly #events: StoredEvent[] = [];

  constructor(records: readonly EventRecord[]) {
    this.records = records;
  }

  at(i: number): StoredEvent {
    const event = this.#events[i] ?? decodeEvent(this.records[i] as EventRecord);
    this.#events[i] = event;
    return event;
  }
}
