import { EventPull } from '../../engine/event-pull.js';
import { ALL_STREAMS, type HeardSource } from '../../kernel/hearing.js';
import type { RuntimeParts } from '../settings.js';
import { outsideTurns } from '../turn.js';
import { hears } from './listener.js';

/** One source of an actor that was let go. */
export type DozingSource = HeardSource & { readonly events: ReadonlySet<string> | undefined };

/** An actor that was let go while it listened: hears only that something was said, and wakes it then, once. */
export class Doze {
  readonly #pulls: EventPull[];
  readonly #wake: () => void;

  constructor(parts: RuntimeParts, sources: readonly DozingSource[], wake: () => void) {
    this.#wake = wake;
    this.#pulls = sources.map(({ source, events, at }) => {
      const pulled = source === ALL_STREAMS ? { names: [...(events ?? [])] } : { stream: source };
      return new EventPull(parts.engine, pulled, at);
    });
    for (const [i, pull] of this.#pulls.entries()) {
      outsideTurns(() => {
        // Who reads when it is awake is told of an error.
        this.#listen(pull, sources[i]?.events).catch(() => this.#end());
      });
    }
  }

  stop(): void {
    for (const pull of this.#pulls) pull.stop();
  }

  async #listen(pull: EventPull, events: ReadonlySet<string> | undefined): Promise<void> {
    for (;;) {
      const page = await pull.next();
      if (!page) return;
      if (page.some(({ name }) => hears(events, name))) this.#end();
    }
  }

  #end(): void {
    this.stop();
    this.#wake();
  }
}
