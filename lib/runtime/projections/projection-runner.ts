import type { EventRecord } from '../../kernel/event.js';
import { ALL_STREAMS, PARKED_EVENT, type ParkedData, UNPARKED_EVENT, type UnparkedData } from '../../kernel/hearing.js';
import type { ProjectionCheckpoint, ProjectionDefinition, ProjectionHooks } from '../../kernel/projection.js';
import type { LeaderElection } from '../cluster/leader-election.js';
import { decodeEvent, MetadataWriter } from '../event-codec.js';
import { Bookmark } from '../listening/bookmark.js';
import { storedFailure } from '../listening/failure.js';
import { causeOf } from '../request.js';
import type { RuntimeParts } from '../settings.js';
import { handle, Pump, type PumpOwner } from './pump.js';

/** How far a projection has come, as the engine keeps it. */
export interface ProjectionState extends ProjectionCheckpoint {
  /** The read model that is being rebuilt. */
  readonly next?: ProjectionCheckpoint | undefined;
}

export const NEW_PROJECTION: ProjectionState = { position: 0, generation: 1 };

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
      listener: this.definition.handlers.get(record.name) as string,
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
    await handle(this, event, { position: at, generation: Number(actorId) });
    await this.#unpark(id, 'retried');
  }

  discard(id: string): Promise<void> {
    return this.#unpark(id, 'discarded');
  }

  #unpark(id: string, outcome: UnparkedData['outcome']): Promise<void> {
    return this.#store(UNPARKED_EVENT, { actor: this.definition.name, id, outcome } satisfies UnparkedData);
  }

  async #work(signal: AbortSignal): Promise<void> {
    let work: Work | undefined;
    const stop = () => void work?.stop();
    signal.addEventListener('abort', stop);
    try {
      // Each time that somebody else changes the checkpoint (a rebuild was asked for) it begins anew with that.
      while (!signal.aborted) {
        const bookmark = await Bookmark.open<ProjectionState>(this.#parts.engine, this.name, NEW_PROJECTION);
        work = new Work(this, this.#parts, bookmark);
        try {
          if (!signal.aborted) await work.run();
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

/** What goes on from one look at the checkpoint to the next. */
class Work {
  readonly #runner: ProjectionRunner;
  readonly #parts: RuntimeParts;
  readonly #bookmark: Bookmark<ProjectionState>;
  #serving: Pump | undefined;
  #next: Pump | undefined;
  #serve: Promise<void> | undefined;
  #stopped = false;
  #stopping: Promise<void> | undefined;
  #end: (error?: unknown) => void = () => {};

  constructor(runner: ProjectionRunner, parts: RuntimeParts, bookmark: Bookmark<ProjectionState>) {
    this.#runner = runner;
    this.#parts = parts;
    this.#bookmark = bookmark;
  }

  /** Ends when it is stopped, or when somebody else changed the checkpoint. */
  async run(): Promise<void> {
    const { generation, position, next } = this.#bookmark.value;
    const ended = new Promise<void>((resolve, reject) => {
      this.#end = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.#serving = await this.#pump({ generation, position });
    if (next) {
      await this.#runner.projection.onRebuild?.(next.generation);
      this.#next = await this.#pump(next);
    }
    if (this.#stopped) return;
    this.#bookmark.keep(
      () => {
        // Where only events of other names are left, no pump tells that it has come further.
        this.#look();
        return this.#state();
      },
      () => this.#end(),
    );
    for (const pump of [this.#serving, this.#next]) pump?.run().then(undefined, (error: unknown) => this.#end(error));
    this.#look();
    await ended;
  }

  /** Resolves when no handler runs any more. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#stopped = true;
    this.#end();
    await Promise.all([this.#serving?.stop(), this.#next?.stop(), this.#serve]);
    if (this.#serving) await this.#bookmark.close(this.#state());
  }

  async #pump(at: ProjectionCheckpoint): Promise<Pump> {
    const own = await this.#runner.projection.loadCheckpoint?.(at.generation);
    const position = this.#runner.projection.loadCheckpoint ? (own ?? 0) : at.position;
    return new Pump(this.#runner, this.#parts, { ...at, position }, () => this.#look());
  }

  #state(): ProjectionState {
    const { generation, position } = this.#serving as Pump;
    const next = this.#next && { generation: this.#next.generation, position: this.#next.position };
    return { generation, position, ...(next && { next }) };
  }

  /** Whether the one that is rebuilt has come as far as the one that serves. */
  #look(): void {
    const isThere = this.#next && this.#serving && this.#next.position >= this.#serving.position;
    if (!isThere || this.#serve || this.#stopped) return;
    this.#serve = this.#change().catch((error: unknown) => this.#end(error));
  }

  async #change(): Promise<void> {
    const [old, next] = [this.#serving as Pump, this.#next as Pump];
    await old.stop();
    // What it handled after the last look.
    while (next.position < old.position && !this.#stopped) await new Promise((resolve) => setImmediate(resolve));
    if (this.#stopped) return;
    await this.#runner.projection.onServe?.(next.generation);
    this.#serving = next;
    this.#next = undefined;
    await this.#bookmark.save(this.#state());
    this.#serve = undefined;
  }
}
