import { TimeSlice } from '../../engine/environment/index.js';
import { EventPull } from '../../engine/reading/index.js';
import type { ProjectionCheckpoint, ProjectionDefinition } from '../../kernel/defining/index.js';
import type { EventRecord, StoredEvent } from '../../kernel/values/index.js';
import { RETRIES_STOPPED, RetryPolicy } from '../delivery/index.js';
import { decodeEvent, todaysEvent } from '../events/index.js';
import { type RuntimeParts, type Trace, traced } from '../parts/index.js';

/** Gives a projection its events, one after the other, for one generation of its read model. */
export class EventProcessor {
  readonly generation: number;
  readonly #owner: EventProcessorOwner;
  readonly #parts: RuntimeParts;
  readonly #retries: RetryPolicy;
  readonly #pull: EventPull;
  readonly #moved: () => void;
  readonly #aside: ReadonlySet<number>;
  #handled: number;
  /** The position of the last event that was handled and not parked. */
  #done: number;
  #stopped = false;
  #running: Promise<void> | undefined;

  /**
   * @param at the position to continue from, and in `aside` the positions of events to skip.
   * @param moved is called after each step forward.
   */
  constructor(
    owner: EventProcessorOwner,
    parts: RuntimeParts,
    at: ProcessorPosition & { readonly aside: ReadonlySet<number> },
    moved: () => void,
  ) {
    this.#owner = owner;
    this.#parts = parts;
    this.generation = at.generation;
    this.#aside = at.aside;
    this.#handled = at.position;
    this.#done = at.position;
    this.#moved = moved;
    this.#retries = new RetryPolicy(parts.environment);
    const retried = (error: unknown) =>
      parts.log.warn(`projection ${owner.definition.name}: events could not be read; reading is retried`, error);
    const { names } = owner.definition;
    this.#pull = new EventPull(parts.engine, { names }, at.position, retried, parts.environment);
    this.#pull.onCaughtUp = moved;
  }

  /** The position up to which everything was handled. */
  get position(): number {
    return Math.max(this.#handled, this.#pull.caughtUpTo);
  }

  /** Runs until it is stopped. @throws any error that retrying does not fix. */
  run(): Promise<void> {
    this.#running = this.#run();
    return this.#running;
  }

  /** Stops it. Resolves when no handler runs any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pull.stop();
    this.#retries.stop();
    await this.#running?.catch(() => {});
  }

  async #run(): Promise<void> {
    for (;;) {
      const page = await this.#pull.next();
      if (!page) return;
      const slice = new TimeSlice(this.#parts.environment);
      for (const record of page) {
        if (slice.isUsedUp) await slice.turn();
        if (this.#stopped) return;
        try {
          if (!this.#aside.has(record.position)) await this.#handle(record);
        } catch (error) {
          if (error === RETRIES_STOPPED) return;
          throw error;
        }
        this.#handled = record.position;
        this.#moved();
      }
    }
  }

  async #handle(record: EventRecord): Promise<void> {
    const event = readable(record);
    const ended = await this.#retries.run({
      triesMax: this.#parts.limits.reactionTriesMax,
      onFailure: this.#owner.definition.onFailure,
      run: () =>
        traced(this.#trace(record), async () =>
          handle(this.#owner, event ?? (await this.#readAgain(record)), {
            position: record.position,
            generation: this.generation,
            isLate: false,
          }),
        ),
      park: (error, tries) =>
        this.#owner.park(record, { generation: this.generation, position: this.#done }, error, tries),
      failed: (error) =>
        this.#parts.log.warn(
          `projection ${this.#owner.definition.name} failed on '${record.name}' at ${record.position}`,
          error,
        ),
    });
    if (ended === 'done') this.#done = record.position;
    else {
      this.#parts.log.error(`projection ${this.#owner.definition.name} parked '${record.name}' at ${record.position}`);
    }
  }

  /**
   * Reads an unreadable event again, because it may have been restored since. @throws OmniscientError
   * (`EVENT_UNREADABLE`), EngineError.
   */
  async #readAgain(record: EventRecord): Promise<StoredEvent> {
    const [restored] = await this.#parts.engine.readStream(record.streamId, record.version - 1, 1);
    return decodeEvent({ ...(restored ?? record), position: record.position });
  }

  #trace(record: EventRecord): Trace | undefined {
    const { name, handlers } = this.#owner.definition;
    return this.#parts.telemetry?.projection(name, handlers.get(record.name) ?? record.name, record);
  }
}

/** What an event processor works for. */
export interface EventProcessorOwner {
  readonly definition: ProjectionDefinition;
  /** The user's projection instance. */
  readonly projection: object;
  /** Parks an event. @param at which read model it is, and the last event that it handled before. */
  park(record: EventRecord, at: ProcessorPosition, error: unknown, tries: number): Promise<void>;
}

/** A read model, and the position up to which it has everything that was handled in its turn. */
export interface ProcessorPosition {
  readonly generation: number;
  readonly position: number;
}

/** The decoded event; `undefined` if it is no longer valid JSON in the store. */
function readable(record: EventRecord): StoredEvent | undefined {
  try {
    return decodeEvent(record);
  } catch {
    return undefined;
  }
}

/**
 * Calls the handler for an event in today's form, if there is one. @throws whatever the handler or an upcast throws.
 */
export function handle(
  { definition, projection }: EventProcessorOwner,
  stored: StoredEvent,
  at: ProjectionCheckpoint,
): unknown {
  const upcasts = definition.upcasts.find((each) => each.has(stored.name));
  const event = upcasts ? todaysEvent(upcasts, stored) : stored;
  const method = definition.handlers.get(event.name);
  if (method === undefined) return undefined;
  const handler = (projection as Record<string, (...args: unknown[]) => unknown>)[method];
  return handler?.call(projection, event.data, event, at);
}
