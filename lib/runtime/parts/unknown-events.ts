import type { ActorDefinition } from '../../kernel/defining/actor-definition.js';
import type { SkippedEvents } from '../../kernel/folding/actor-state.js';
import { FRAMEWORK_EVENT_PREFIX } from '../../kernel/values/event.js';
import type { Log } from './settings.js';

/**
 * Notices events that no class of this node knows: most often a handler was removed or renamed, and what it stood for is now missing in the state.
 * They are kept and skipped all the same, with one warning a name.
 */
export class UnknownEvents implements SkippedEvents {
  readonly #log: Log;
  /** Names that need no warning, or have had one. */
  readonly #known = new Set<string>();
  #warnings: number;

  constructor(log: Log, warns = true) {
    this.#log = log;
    this.#warnings = warns ? 0 : WARNINGS_MAX;
  }

  /** A class is registered: what it handles, upcasts, listens to, has a schema for or ignores is known to all that share its streams. */
  learn({ handlers, hears, schemas, listens, options }: ActorDefinition): void {
    const heard = listens.flatMap(({ events }) => [...(events ?? [])]);
    for (const names of [handlers.keys(), hears, schemas.keys(), heard, options.ignores ?? []]) {
      for (const name of names) this.#known.add(name);
    }
  }

  skipped(event: string, actor: string, streamId: string): void {
    if (this.#known.has(event) || this.#warnings >= WARNINGS_MAX) return;
    if (event.startsWith(FRAMEWORK_EVENT_PREFIX)) return;
    this.#known.add(event);
    this.#warnings += 1;
    this.#log.warn(
      `no actor of this process handles the event '${event}' (seen by ${actor}, in stream '${streamId}'): it is kept and skipped. Handle it, ` +
        `upcast it with @Upcast('${event}', …), or name it in @Actor({ ignores: ['${event}'] }) if that is meant` +
        (this.#warnings === WARNINGS_MAX ? `. That was the last of ${WARNINGS_MAX} such warnings` : ''),
    );
  }
}

/** Most names that are warned of: an application that makes them up as it goes must not fill the memory, nor the log. */
const WARNINGS_MAX = 1_000;
