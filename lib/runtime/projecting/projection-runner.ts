import type { ProjectionDefinition, ProjectionHooks } from '../../kernel/defining/index.js';
import type { ParkedData } from '../../kernel/framework/index.js';
import type { EventRecord } from '../../kernel/values/index.js';
import { type ParkedOwner, SavedCheckpoint } from '../delivery/index.js';
import type { NodeParts } from '../hosting/index.js';
import type { LeaderElection } from '../leading/index.js';
import { handle, type ProcessorPosition } from './event-processor.js';
import { ParkedStream } from './parked-stream.js';
import { NEW_PROJECTION, type ProjectionState, ProjectionWork, type WorkOwner } from './projection-work.js';
import { RetryClaims } from './retry-claims.js';

/**
 * Runs one projection on the elected node. During a rebuild two event processors run: one for the serving generation,
 * one for the next. When the next one has caught up, the first one stops and the next one serves.
 */
export class ProjectionRunner implements WorkOwner, ParkedOwner {
  readonly definition: ProjectionDefinition;
  readonly projection: ProjectionHooks;
  readonly #parts: NodeParts;
  readonly #parked: ParkedStream;
  readonly #claims: RetryClaims;
  #resign: (() => Promise<void>) | undefined;

  constructor(definition: ProjectionDefinition, projection: object, parts: NodeParts) {
    this.definition = definition;
    this.projection = projection as ProjectionHooks;
    this.#parts = parts;
    this.#parked = new ParkedStream(this.name, definition, parts);
    this.#claims = new RetryClaims(definition.name, parts);
  }

  /** The name of its checkpoint, of its election and of the stream of its parked events. */
  get name(): string {
    return projectionStream(this.definition.name);
  }

  start(election: LeaderElection): void {
    this.#resign = election.standFor(this.name, (signal) => this.#work(signal));
  }

  async stop(): Promise<void> {
    await this.#resign?.();
  }

  /** The position of the serving read model, according to the stored checkpoint. */
  async position(): Promise<number> {
    return (await this.#state()).position;
  }

  park(record: EventRecord, at: ProcessorPosition, error: unknown, attempts: number): Promise<void> {
    return this.#parked.park(record, at, error, attempts);
  }

  aside(at: ProcessorPosition): Promise<ReadonlySet<number>> {
    return this.#parked.aside(at);
  }

  /**
   * Handles a parked event again, for the generation that parked it. A generation that no longer serves is left alone.
   * If another node is retrying the event, this is refused. @throws OmniscientError (`RETRY_UNDER_WAY`), EngineError;
   * whatever the handler throws. The event then stays parked.
   */
  retry({ id, actorId, at, event }: ParkedData, isParked: () => Promise<boolean>): Promise<void> {
    return this.#claims.during(id, async () => {
      // The previous claim may have finished the event.
      if (!(await isParked())) return;
      const generation = Number(actorId);
      if (await this.#isReplaced(generation)) return this.#parked.unpark([id], 'replaced');
      await handle(this, event, { position: at, generation, isLate: true });
      await this.#parked.unpark([id], 'retried', this.#parts.limits.commitTimeoutMs);
    });
  }

  /** How many parked events are being retried here. */
  get retrying(): number {
    return this.#claims.size;
  }

  discard(id: string): Promise<void> {
    return this.#parked.unpark([id], 'discarded');
  }

  async replaced(generation: number): Promise<void> {
    await this.#parked.unpark(await this.#parked.parkedBefore(generation), 'replaced');
  }

  async #isReplaced(of: number): Promise<boolean> {
    const { generation, next } = await this.#state();
    return of !== generation && of !== next?.generation;
  }

  async #state(): Promise<ProjectionState> {
    return (await SavedCheckpoint.open<ProjectionState>(this.#parts, this.name, NEW_PROJECTION)).value;
  }

  async #work(signal: AbortSignal): Promise<void> {
    let work: ProjectionWork | undefined;
    const stop = () => void work?.stop();
    signal.addEventListener('abort', stop);
    try {
      // Whenever somebody else changes the checkpoint (to ask for a rebuild), it starts again from that one.
      while (!signal.aborted) {
        const checkpoint = await SavedCheckpoint.claim<ProjectionState>(this.#parts, this.name, NEW_PROJECTION);
        if (!checkpoint || signal.aborted) continue;
        work = new ProjectionWork(this, this.#parts, checkpoint);
        try {
          await work.run();
        } finally {
          await work.stop();
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}

/** The stream of a projection's parked events. */
export function projectionStream(name: string): string {
  return `$projection-${name}`;
}
