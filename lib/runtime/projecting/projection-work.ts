import type { ProjectionCheckpoint, ProjectionHooks } from '../../kernel/defining/projection.js';
import { SavedCheckpoint } from '../delivery/saved-checkpoint.js';
import type { RuntimeParts } from '../parts/settings.js';
import { EventProcessor, type EventProcessorOwner } from './event-processor.js';

/** What a leader does for a projection from one look at the checkpoint to the next. */
export class ProjectionWork {
  readonly #owner: WorkOwner;
  readonly #parts: RuntimeParts;
  readonly #checkpoint: SavedCheckpoint<ProjectionState>;
  #serving: EventProcessor | undefined;
  #next: EventProcessor | undefined;
  /** The next read model is about to serve. */
  #changing: Promise<void> | undefined;
  #moved: () => void = () => {};
  #stopped = false;
  #stopping: Promise<void> | undefined;
  #end: (error?: unknown) => void = () => {};

  constructor(owner: WorkOwner, parts: RuntimeParts, checkpoint: SavedCheckpoint<ProjectionState>) {
    this.#owner = owner;
    this.#parts = parts;
    this.#checkpoint = checkpoint;
  }

  /** Ends when it is stopped, or when somebody else changed the checkpoint. */
  async run(): Promise<void> {
    const { generation, position, next } = this.#checkpoint.value;
    const ended = new Promise<void>((resolve, reject) => {
      this.#end = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.#serving = await this.#processor({ generation, position });
    if (next) {
      await this.#owner.projection.onRebuild?.(next.generation);
      this.#next = await this.#processor(next);
    }
    if (this.#stopped) return;
    this.#checkpoint.keep(
      () => this.#state(),
      () => this.#end(),
    );
    for (const processor of [this.#serving, this.#next])
      processor?.run().then(undefined, (error: unknown) => this.#end(error));
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
    this.#moved();
    await Promise.all([this.#serving?.stop(), this.#next?.stop(), this.#changing]);
    if (this.#serving && !(await this.#checkpoint.close(this.#state()))) await this.#addToTheirs();
  }

  async #processor(at: ModelState): Promise<EventProcessor> {
    const own = await this.#owner.projection.loadCheckpoint?.(at.generation);
    const position = this.#owner.projection.loadCheckpoint ? (own ?? 0) : at.position;
    const aside = await this.#owner.aside({ ...at, position });
    return new EventProcessor(this.#owner, this.#parts, { ...at, position, aside }, () => this.#look());
  }

  #state(): ProjectionState {
    const { generation, position } = this.#serving as EventProcessor;
    const next = this.#next && { generation: this.#next.generation, position: this.#next.position };
    return { generation, position, ...(next && { next }) };
  }

  /** A read model has come further. */
  #look(): void {
    this.#moved();
    const isThere = this.#next && this.#serving && this.#next.position >= this.#serving.position;
    if (!isThere || this.#changing || this.#stopped) return;
    this.#changing = this.#change().catch((error: unknown) => this.#end(error));
  }

  /** The one that was rebuilt has come as far as the one that serves, which stops there. */
  async #change(): Promise<void> {
    const [old, next] = [this.#serving as EventProcessor, this.#next as EventProcessor];
    await old.stop();
    // What that handled after the last look.
    while (next.position < old.position && !this.#stopped) {
      await new Promise<void>((resolve) => {
        this.#moved = resolve;
      });
    }
    if (this.#stopped) return;
    // Whoever was frozen meanwhile, or is asked for another rebuild now, must not change what serves.
    if (!(await this.#checkpoint.save(this.#state()))) return this.#end();
    await this.#owner.projection.onServe?.(next.generation);
    await this.#owner.replaced(next.generation);
    this.#serving = next;
    this.#next = undefined;
    // If the checkpoint turns out to be somebody else's now, it serves all the same: that is added to theirs when this ends.
    if (!(await this.#checkpoint.save(this.#state()))) return this.#end();
    this.#changing = undefined;
  }

  /** Somebody else has written the checkpoint, to ask for a rebuild or because they lead now, and did not know how far it had come here. */
  async #addToTheirs(): Promise<void> {
    try {
      for (let tries = 1; tries <= ADD_TRIES_MAX; tries += 1) {
        const theirs = await SavedCheckpoint.open(this.#parts, this.#owner.name, NEW_PROJECTION);
        if (await theirs.save(furthest(theirs.value, this.#state()))) return;
      }
    } catch (error) {
      this.#parts.log.warn(`${this.#owner.name}: it could not be stored how far it has come`, error);
    }
  }
}

/** How often it is tried to write down how far it came because others write too. */
const ADD_TRIES_MAX = 10;

/** How far one read model of a projection has come. */
export type ModelState = Pick<ProjectionCheckpoint, 'position' | 'generation'>;

/** How far a projection has come, as the engine keeps it. */
export interface ProjectionState extends ModelState {
  /** The read model that is being rebuilt. */
  readonly next?: ModelState | undefined;
}

export const NEW_PROJECTION: ProjectionState = { position: 0, generation: 1 };

/** Whose work it is. */
export interface WorkOwner extends EventProcessorOwner {
  /** Of its checkpoint. */
  readonly name: string;
  readonly projection: ProjectionHooks;
  /** Positions of events that this read model, where it is now, has parked already: they are in an operator's hands. */
  aside(at: ModelState): Promise<ReadonlySet<number>>;
  /** This read model serves now: what those before it parked need not be handled any more. */
  replaced(generation: number): Promise<void>;
}

/** What was handled is handled, and what serves serves, whoever wrote something else since; what they ask for stands too. */
function furthest(theirs: ProjectionState, ours: ProjectionState): ProjectionState {
  const { next } = theirs;
  if (theirs.generation < ours.generation) {
    const isAsked = next !== undefined && next.generation > ours.generation;
    return { generation: ours.generation, position: ours.position, ...(isAsked && { next }) };
  }
  const withOurs = ({ generation, position }: ModelState): ModelState => {
    const own = [ours, ours.next].find((each) => each?.generation === generation);
    return { generation, position: Math.max(position, own?.position ?? 0) };
  };
  return { ...withOurs(theirs), ...(next && { next: withOurs(next) }) };
}
