import { type Backoff, backoffIn } from '../../../engine/environment/backoff.js';
import type { Environment, Timer } from '../../../engine/environment/environment.js';
import type { Term } from './driver.js';
import type { FeedConnection } from './feed-connection.js';

/** A changefeed that comes back by itself. It only says "look": whoever hears it reads. */
export class Feed {
  readonly #line: FeedConnection;
  readonly #query: Term;
  readonly #heard: (item: unknown) => void;
  readonly #reopened: () => void;
  readonly #environment: Environment;
  #opening: Promise<void> | undefined;
  #stop: (() => void) | undefined;
  #retryTimer: Timer | undefined;
  #closed = false;

  /** @param reopened after it was lost, and after it dropped something: look at everything. */
  constructor(
    line: FeedConnection,
    query: Term,
    heard: (item: unknown) => void,
    reopened: () => void,
    environment: Environment,
  ) {
    this.#line = line;
    this.#query = query;
    this.#heard = heard;
    this.#reopened = reopened;
    this.#environment = environment;
  }

  /** Resolves when it is in force. @throws EngineError the first time; later it tries for ever. */
  open(): Promise<void> {
    this.#opening ??= this.#open().catch((error) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** Whether it is in force now, as far as is known. */
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
    const stop = await this.#line.follow(
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
      // The server dropped changes because we were too slow.
      if (typeof (item as { error?: unknown } | null)?.error === 'string') this.#reopened();
      else this.#heard(item);
    } catch {
      // A document that somebody changed by hand: whoever looks is told what is wrong. Thrown into the driver it would end the process.
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
