import type { ProjectionDefinition, ProjectionHooks } from '../../kernel/defining/projection.js';
import type { ParkedData } from '../../kernel/framework/listening-state.js';
import type { EventRecord } from '../../kernel/values/event.js';
import type { ParkedOwner } from '../delivery/parked-events.js';
import { SavedCheckpoint } from '../delivery/saved-checkpoint.js';
import type { NodeParts } from '../hosting/node-parts.js';
import type { LeaderElection } from '../leading/leader-election.js';
import { handle, type ProcessorPosition } from './event-processor.js';
import { ParkedStream } from './parked-stream.js';
import { NEW_PROJECTION, type ProjectionState, ProjectionWork, type WorkOwner } from './projection-work.js';
import { RetryClaims } from './retry-claims.js';

/**
 * Runs one projection on whichever node is elected. While its read model is rebuilt, two pumps run: one for the generation that serves, one for the next;
 * when the next has come as far, the first one stops and the next one serves.
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

  /** Its checkpoint, its election and the stream of what it parked are called this. */
  get name(): string {
    return projectionStream(this.definition.name);
  }

  start(election: LeaderElection): void {
    this.#resign = election.standFor(this.name, (signal) => this.#work(signal));
  }

  async stop(): Promise<void> {
    await this.#resign?.();
  }

  /** Up to where the read model that serves has everything, as far as it is written down. */
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
   * Handles what was parked, for the generation for which it was; what serves no more is left alone. One who asks while another does so is refused, on
   * whichever node. @throws what the handler throws, it is parked as before then; OmniscientError (`RETRY_UNDER_WAY`), EngineError.
   */
  retry({ id, actorId, at, event }: ParkedData, isParked: () => Promise<boolean>): Promise<void> {
    return this.#claims.during(id, async () => {
      // Whoever had the claim before may have been done with it.
      if (!(await isParked())) return;
      const generation = Number(actorId);
      if (await this.#isReplaced(generation)) return this.#parked.unpark([id], 'replaced');
      await handle(this, event, { position: at, generation, isLate: true });
      await this.#parked.unpark([id], 'retried', this.#parts.limits.commitTimeoutMs);
    });
  }

  /** How many parked events are being tried again here. */
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
      // Each time that somebody else changes the checkpoint (a rebuild was asked for) it begins anew with that.
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

/** The stream of what a projection parked. */
export function projectionStream(name: string): string {
  return `$projection-${name}`;
}
