import { backoffIn, detached, type Environment } from '../../engine/environment/index.js';
import { EventPull } from '../../engine/reading/index.js';
import { ALL_STREAMS, type HeardSource } from '../../kernel/framework/index.js';
import type { RuntimeParts } from '../parts/index.js';
import { hears } from './listener.js';

/**
 * Waits for a passivated actor that listens. It only notices that an event was stored, and reactivates the actor then.
 * If that fails, it tries again.
 */
export class Reactivator {
  readonly #environment: Environment;
  readonly #pulls: EventPull[];
  readonly #reactivate: () => Promise<unknown>;
  readonly #failed: (error: unknown) => void;
  #hasFired = false;
  #stopped = false;
  #cancelWait: (() => void) | undefined;

  /** @param failed is called each time the actor could not be reactivated. */
  constructor(
    parts: RuntimeParts,
    sources: readonly ReactivatingSource[],
    reactivate: () => Promise<unknown>,
    failed: (error: unknown) => void,
  ) {
    this.#environment = parts.environment;
    this.#reactivate = reactivate;
    this.#failed = failed;
    this.#pulls = sources.map(({ source, events, at }) => {
      const pulled = source === ALL_STREAMS ? { names: [...(events ?? [])] } : { stream: source };
      return new EventPull(parts.engine, pulled, at, undefined, parts.environment);
    });
    for (const [i, pull] of this.#pulls.entries()) {
      detached(() => {
        // The reactivated actor reads again and reports the error.
        this.#listen(pull, sources[i]?.events).catch(() => this.#end());
      });
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const pull of this.#pulls) pull.stop();
    this.#cancelWait?.();
  }

  async #listen(pull: EventPull, events: ReadonlySet<string> | undefined): Promise<void> {
    for (;;) {
      const page = await pull.next();
      if (!page) return;
      if (page.some(({ name }) => hears(events, name))) return this.#end();
    }
  }

  async #end(): Promise<void> {
    if (this.#hasFired) return;
    this.#hasFired = true;
    for (const pull of this.#pulls) pull.stop();
    const backoff = backoffIn(this.#environment, RETRY_MS_MIN, RETRY_MS_MAX);
    while (!this.#stopped) {
      try {
        await this.#reactivate();
        return;
      } catch (error) {
        if (!this.#stopped) this.#failed(error);
      }
      await this.#wait(backoff.nextMs());
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#environment.setTimeout(resolve, ms).unref();
      this.#cancelWait = () => {
        this.#environment.clearTimeout(timer);
        resolve();
      };
      if (this.#stopped) this.#cancelWait();
    });
  }
}

/** The first and the longest wait before a failed reactivation is tried again. Milliseconds. */
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 30_000;

/** One source of a passivated actor. */
export type ReactivatingSource = HeardSource & { readonly events: ReadonlySet<string> | undefined };
