import type { ActorDefinition } from '../../kernel/defining/index.js';
import type { SkippedEvents } from '../../kernel/folding/index.js';
import { FRAMEWORK_EVENT_PREFIX } from '../../kernel/values/index.js';
import type { Log } from './settings.js';

/**
 * Notices events that no class of this node knows. Most often a handler was removed or renamed, so the event's effect
 * is now missing in the state. Such events are kept and skipped, with one warning for each name.
 */
export class UnknownEvents implements SkippedEvents {
  readonly #log: Log;
  /** Names that need no warning, or had one. */
  readonly #known = new Set<string>();
  #warnings: number;

  constructor(log: Log, warns = true) {
    this.#log = log;
    this.#warnings = warns ? 0 : WARNINGS_MAX;
  }

  /**
   * Records what a registered class handles, upcasts, listens to, has a schema for or ignores. All classes that share
   * its streams know these names.
   */
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
      `no actor of this process handles the event '${event}' (seen by ${actor}, in stream '${streamId}'), so it is skipped and stays in the store. Handle it, ` +
        `upcast it with @Upcast('${event}', …), or name it in @Actor({ ignores: ['${event}'] }) if it is skipped on purpose` +
        (this.#warnings === WARNINGS_MAX ? `. This is the last of ${WARNINGS_MAX} such warnings` : ''),
    );
  }
}

/** How many names are warned of. An application that makes names up must fill neither memory nor log. */
const WARNINGS_MAX = 1_000;
