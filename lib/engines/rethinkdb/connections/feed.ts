import { type Backoff, backoffIn, type Environment, type Timer } from '../../../engine/environment/index.js';
import type { Term } from './driver.js';
import type { FeedConnection } from './feed-connection.js';

/** A changefeed that reopens by itself. It only says that there is something to read. */
export class Feed {
  readonly #connection: FeedConnection;
  readonly #query: Term;
  readonly #onItem: (item: unknown) => void;
  readonly #reopened: () => void;
  readonly #environment: Environment;
  #opening: Promise<void> | undefined;
  #stop: (() => void) | undefined;
  #retryTimer: Timer | undefined;
  #closed = false;

  /**
   * @param onItem gets each change.
   * @param reopened called after the feed was lost or dropped something: everything has to be looked at.
   */
  constructor(
    connection: FeedConnection,
    query: Term,
    onItem: (item: unknown) => void,
    reopened: () => void,
    environment: Environment,
  ) {
    this.#connection = connection;
    this.#query = query;
    this.#onItem = onItem;
    this.#reopened = reopened;
    this.#environment = environment;
  }

  /** Resolves when the feed is in force. The first time it may fail; later it tries for ever. @throws EngineError. */
  open(): Promise<void> {
    this.#opening ??= this.#open().catch((error) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** Whether the feed is in force now, as far as is known. */
  get isOpen(): boolean {
    return this.#stop !== undefined;
  }

  close(): void {
    this.#closed = true;
    this.#environment.clearTimeout(this.#retryTimer);
    this.#stop?.();
    this.#stop = undefined;
  }

  async #open(): Promise<void> {
    const stop = await this.#connection.follow(
      this.#query,
      (item) => this.#take(item),
      () => this.#lost(),
    );
    if (this.#closed) stop();
    else this.#stop = stop;
  }

  #take(item: unknown): void {
    if (this.#closed) return;
    try {
      // The server dropped changes because this process was too slow.
      if (typeof (item as { error?: unknown } | null)?.error === 'string') this.#reopened();
      else this.#onItem(item);
    } catch {
      // A document that somebody changed by hand. Readers get the error that says what is wrong. An error thrown into
      // the driver would end the process.
      this.#reopened();
    }
  }

  #lost(): void {
    if (this.#closed) return;
    this.#stop = undefined;
    this.#reopenLater(backoffIn(this.#environment));
  }

  #reopenLater(backoff: Backoff): void {
    this.#retryTimer = this.#environment.setTimeout(() => {
      this.#opening = this.#open();
      this.#opening.then(
        () => {
          if (!this.#closed) this.#reopened();
        },
        () => {
          if (!this.#closed) this.#reopenLater(backoff);
        },
      );
    }, backoff.nextMs());
    this.#retryTimer.unref();
  }
}
