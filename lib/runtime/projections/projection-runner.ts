import type { EventRecord } from '../../kernel/event.js';
import { ALL_STREAMS, PARKED_EVENT, type ParkedData, UNPARKED_EVENT, type UnparkedData } from '../../kernel/hearing.js';
import type { ProjectionDefinition, ProjectionHooks } from '../../kernel/projection.js';
import type { LeaderElection } from '../cluster/leader-election.js';
import { decodeEvent, MetadataWriter } from '../event-codec.js';
import { Bookmark } from '../listening/bookmark.js';
import { storedFailure } from '../listening/failure.js';
import { causeOf } from '../request.js';
import type { RuntimeParts } from '../settings.js';
import { NEW_PROJECTION, type ProjectionState, ProjectionWork } from './projection-work.js';
import { handle, type PumpOwner } from './pump.js';

/**
 * Runs one projection on whichever node is elected. While its read model is rebuilt, two pumps run: one for the generation that serves, one for the next;
 * when the next has come as far, the first one stops and the next one serves.
 */
export class ProjectionRunner implements PumpOwner {
  readonly definition: ProjectionDefinition;
  readonly projection: ProjectionHooks;
  readonly #parts: RuntimeParts;
  #resign: (() => Promise<void>) | undefined;

  constructor(definition: ProjectionDefinition, projection: object, parts: RuntimeParts) {
    this.definition = definition;
    this.projection = projection as ProjectionHooks;
    this.#parts = parts;
  }

  /** Its checkpoint, its election and the stream of what it parked are called this. */
  get name(): string {
    return `$projection-${this.definition.name}`;
  }

  start(election: LeaderElection): void {
    this.#resign = election.whenLeader(this.name, (signal) => this.#work(signal));
  }

  async stop(): Promise<void> {
    await this.#resign?.();
  }

  /** Up to where the read model that serves has everything, as far as it is written down. */
  async position(): Promise<number> {
    return (await Bookmark.open<ProjectionState>(this.#parts.engine, this.name, NEW_PROJECTION)).value.position;
  }

  async park(record: EventRecord, generation: number, error: unknown, attempts: number): Promise<void> {
    const data: ParkedData = {
      actor: this.definition.name,
      actorId: String(generation),
      listener: this.definition.handlers.get(record.name) ?? record.name,
      source: ALL_STREAMS,
      at: record.position,
      // The same if it is parked twice because a node died in between.
      id: `${this.definition.name}-${generation}-${record.position}`,
      event: decodeEvent(record),
      error: storedFailure(error),
      attempts,
    };
    await this.#store(PARKED_EVENT, data);
    this.#parts.telemetry?.parked(`${data.actor}.${data.listener}`);
  }

  /** Handles what was parked, for the generation for which it was. @throws what the handler throws; it is parked as before then. */
  async retry({ id, actorId, at, event }: ParkedData): Promise<void> {
    await handle(this, event, { position: at, generation: Number(actorId), isLate: true });
    await this.#unpark(id, 'retried');
  }

  discard(id: string): Promise<void> {
    return this.#unpark(id, 'discarded');
  }

  #unpark(id: string, outcome: UnparkedData['outcome']): Promise<void> {
    return this.#store(UNPARKED_EVENT, { actor: this.definition.name, id, outcome } satisfies UnparkedData);
  }

  async #work(signal: AbortSignal): Promise<void> {
    let work: ProjectionWork | undefined;
    const stop = () => void work?.stop();
    signal.addEventListener('abort', stop);
    try {
      // Each time that somebody else changes the checkpoint (a rebuild was asked for) it begins anew with that.
      while (!signal.aborted) {
        const bookmark = await Bookmark.claim<ProjectionState>(this.#parts.engine, this.name, NEW_PROJECTION);
        if (!bookmark || signal.aborted) continue;
        work = new ProjectionWork(this, this.#parts, bookmark);
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

  async #store(name: string, data: object): Promise<void> {
    const { clock, nodeId, ids, engine } = this.#parts;
    const metadata = new MetadataWriter(clock, this.definition.name, nodeId, this.name).write(
      causeOf(ids.next(), undefined),
    );
    const event = { id: ids.next(), name, data: JSON.stringify(data), metadata };
    await engine.append({ streamId: this.name, expectedVersion: 'any', events: [event] });
  }
}
