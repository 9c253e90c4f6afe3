import type { ProjectionCheckpoint, ProjectionHooks } from '../../kernel/defining/index.js';
import { SavedCheckpoint } from '../delivery/index.js';
import type { RuntimeParts } from '../parts/index.js';
import { EventProcessor, type EventProcessorOwner } from './event-processor.js';

/** A leader's work for a projection, from one opening of the checkpoint to the next. */
export class ProjectionWork {
  readonly #owner: WorkOwner;
  readonly #parts: RuntimeParts;
  readonly #checkpoint: SavedCheckpoint<ProjectionState>;
  #serving: EventProcessor | undefined;
  #next: EventProcessor | undefined;
  /** The read model that is asked for and has no processor yet. */
  #asked: ModelState | undefined;
  /** Resolves when the next read model serves; set while that change is under way. */
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

  /** Runs until it is stopped, or until somebody else changes the checkpoint. */
  async run(): Promise<void> {
    const { generation, position, next } = this.#checkpoint.value;
    const ended = new Promise<void>((resolve, reject) => {
      this.#end = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.#asked = next;
    this.#serving = await this.#processor({ generation, position });
    if (next) {
      await this.#owner.projection.onRebuild?.(next.generation);
      this.#next = await this.#processor(next);
      this.#asked = undefined;
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

  /** Stops it. Resolves when no handler runs any more. */
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
    const next = this.#next ?? this.#asked;
    return { generation, position, ...(next && { next: { generation: next.generation, position: next.position } }) };
  }

  /** Checks, after each step, whether the next read model has caught up. */
  #look(): void {
    this.#moved();
    const isThere = this.#next && this.#serving && this.#next.position >= this.#serving.position;
    if (!isThere || this.#changing || this.#stopped) return;
    this.#changing = this.#change().catch((error: unknown) => this.#end(error));
  }

  /** Makes the rebuilt read model serve: it has caught up, so the old one stops. */
  async #change(): Promise<void> {
    const [old, next] = [this.#serving as EventProcessor, this.#next as EventProcessor];
    await old.stop();
    // The old one may have handled more after the last check.
    while (next.position < old.position && !this.#stopped) {
      await new Promise<void>((resolve) => {
        this.#moved = resolve;
      });
    }
    if (this.#stopped) return;
    // A node that was frozen meanwhile, or that now has another rebuild to do, must not change what serves.
    if (!(await this.#checkpoint.save(this.#state()))) return this.#end();
    await this.#owner.projection.onServe?.(next.generation);
    await this.#owner.replaced(next.generation);
    this.#serving = next;
    this.#next = undefined;
    // If the checkpoint now belongs to somebody else, the new read model serves all the same. That is merged into their
    // checkpoint at the end.
    if (!(await this.#checkpoint.save(this.#state()))) return this.#end();
    this.#changing = undefined;
  }

  /**
   * Merges our progress into a checkpoint that somebody else has written, to ask for a rebuild or as the new leader,
   * without knowing that progress.
   */
  async #addToTheirs(): Promise<void> {
    try {
      for (let tries = 1; tries <= ADD_TRIES_MAX; tries += 1) {
        const theirs = await SavedCheckpoint.open(this.#parts, this.#owner.name, NEW_PROJECTION);
        if (await theirs.save(furthest(theirs.value, this.#state()))) return;
      }
    } catch (error) {
      this.#parts.log.warn(
        `${this.#owner.name}: its progress could not be stored; the events since the last checkpoint are handled again`,
        error,
      );
    }
  }
}

/** How often merging the progress is tried when others write too. */
const ADD_TRIES_MAX = 10;

/** The progress of one read model of a projection. */
export type ModelState = Pick<ProjectionCheckpoint, 'position' | 'generation'>;

/** The progress of a projection, as the engine stores it. */
export interface ProjectionState extends ModelState {
  /** The read model that is being rebuilt. */
  readonly next?: ModelState | undefined;
}

export const NEW_PROJECTION: ProjectionState = { position: 0, generation: 1 };

/** What the work needs of its runner. */
export interface WorkOwner extends EventProcessorOwner {
  /** The name of its checkpoint. */
  readonly name: string;
  readonly projection: ProjectionHooks;
  /** The positions of events that this read model has parked already. They are left to operators. */
  aside(at: ModelState): Promise<ReadonlySet<number>>;
  /** This read model serves now, so events that older ones parked need not be handled any more. */
  replaced(generation: number): Promise<void>;
}

/**
 * Merges both checkpoints: progress and the serving generation are never taken back, and a requested rebuild stays
 * requested.
 */
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
