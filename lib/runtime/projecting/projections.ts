import { distinctUntilChanged, Observable, type Subscriber } from 'rxjs';
import type { Timer } from '../../engine/environment/index.js';
import { defineProjection } from '../../kernel/defining/index.js';
import { EngineError, OmniscientError, RegistrationError } from '../../kernel/values/index.js';
import { type Consumer, SavedCheckpoint } from '../delivery/index.js';
import type { NodeParts } from '../hosting/index.js';
import type { LeaderElection } from '../leading/index.js';
import { subscribersContext } from '../turn/index.js';
import { ProjectionRunner } from './projection-runner.js';
import { NEW_PROJECTION, type ProjectionState } from './projection-work.js';

/** All projections of this application; injectable, for operators. */
export class Projections {
  readonly #parts: NodeParts;
  readonly #election: LeaderElection;
  readonly #runners = new Map<string, ProjectionRunner>();
  /** Subscribers of `progress$`. */
  readonly #watchers = new Set<Subscriber<ProjectionProgress>>();
  #begun = false;
  #closed = false;

  constructor(parts: NodeParts, election: LeaderElection) {
    this.#parts = parts;
    this.#election = election;
  }

  /** The names of all projections. */
  get names(): string[] {
    return [...this.#runners.keys()];
  }

  /**
   * Registers a projection. @throws RegistrationError (`DUPLICATE_PROJECTION`, `EMPTY_PROJECTION`, `INVALID_OPTION` and
   * others).
   */
  add(projectionClass: ProjectionClass, projection: object): void {
    const definition = defineProjection(projectionClass);
    if (this.#runners.has(definition.name)) {
      const message = `two projections are called '${definition.name}': give one another name with @Projection({ name: '…' })`;
      throw new RegistrationError('DUPLICATE_PROJECTION', message);
    }
    const runner = new ProjectionRunner(definition, projection, this.#parts);
    this.#runners.set(definition.name, runner);
    if (this.#begun) runner.start(this.#election);
  }

  begin(): void {
    this.#begun = true;
    for (const runner of this.#runners.values()) runner.start(this.#election);
  }

  /** All as consumers, for measuring their lag. */
  get consumers(): Consumer[] {
    return [...this.#runners].map(([name, runner]) => ({ name, position: () => runner.position() }));
  }

  /** How many parked events are being retried here. */
  get retrying(): number {
    return [...this.#runners.values()].reduce((sum, { retrying }) => sum + retrying, 0);
  }

  runner(name: string): ProjectionRunner | undefined {
    return this.#runners.get(name);
  }

  /**
   * Rebuilds the read model from the first event, on whichever node runs the projection. The old one serves until the
   * new one has caught up. The rebuild survives restarts.
   *
   * @param projection the class, or its name.
   * @returns a promise that resolves when the request is stored; `progress$` shows how far the rebuild is.
   * @throws OmniscientError (`UNKNOWN_PROJECTION`, or the retryable `REBUILD_NOT_BEGUN`), EngineError.
   */
  async rebuild(projection: ProjectionClass | string): Promise<void> {
    const { name } = this.#known(projection);
    for (let tries = 1; tries <= ASK_TRIES_MAX; tries += 1) {
      const checkpoint = await SavedCheckpoint.open<ProjectionState>(this.#parts, name, NEW_PROJECTION);
      const { generation, position, next } = checkpoint.value;
      const asked = { generation: Math.max(generation, next?.generation ?? 0) + 1, position: 0 };
      if (await checkpoint.save({ generation, position, next: asked })) return;
    }
    throw new OmniscientError(
      'REBUILD_NOT_BEGUN',
      `the rebuild of '${name}' could not be requested, because its checkpoint changed during each of ${ASK_TRIES_MAX} tries: try again`,
      {
        retryable: true,
      },
    );
  }

  /**
   * Returns a projection's progress.
   *
   * @param projection the class, or its name.
   * @throws OmniscientError (`UNKNOWN_PROJECTION`), EngineError.
   */
  async progress(projection: ProjectionClass | string): Promise<ProjectionProgress> {
    const runner = this.#known(projection);
    const lastPosition = await this.#parts.engine.lastPosition();
    const { value } = await SavedCheckpoint.open<ProjectionState>(this.#parts, runner.name, NEW_PROJECTION);
    const { generation, position, next } = value;
    const rebuilding = next && { ...next, share: position === 0 ? 1 : Math.min(1, next.position / position) };
    return { name: runner.definition.name, generation, position, lastPosition, ...(rebuilding && { rebuilding }) };
  }

  /**
   * Observes a projection's progress: now, and after each change. It waits while the engine cannot be reached, and
   * completes when the node shuts down.
   *
   * @param projection the class, or its name.
   * @returns an observable that fails with OmniscientError (`UNKNOWN_PROJECTION`), or with an EngineError that is not
   *   retryable.
   */
  progress$(projection: ProjectionClass | string): Observable<ProjectionProgress> {
    return new Observable<ProjectionProgress>((subscriber) => {
      if (this.#closed) return subscriber.complete();
      const context = subscribersContext();
      const release = this.#parts.environment.keepAlive();
      let timer: Timer | undefined;
      let isAway = false;
      const lookLater = () => {
        if (!subscriber.closed)
          timer = this.#parts.environment.setTimeout(() => context.runInAsyncScope(look), LOOK_MS);
      };
      const look = () => {
        this.progress(projection).then(
          (progress) => {
            isAway = false;
            subscriber.next(progress);
            lookLater();
          },
          (error: unknown) => {
            if ((error as { code?: unknown }).code === 'ENGINE_CLOSED') return subscriber.complete();
            if (!(error instanceof EngineError && error.retryable)) return subscriber.error(error);
            if (!isAway)
              this.#parts.log.warn('the progress of a projection could not be read; reading is retried', error);
            isAway = true;
            lookLater();
          },
        );
      };
      this.#watchers.add(subscriber);
      look();
      return () => {
        this.#watchers.delete(subscriber);
        release();
        this.#parts.environment.clearTimeout(timer);
      };
    }).pipe(distinctUntilChanged((a, b) => JSON.stringify(a) === JSON.stringify(b)));
  }

  /**
   * Completes every `progress$`, also those that are requested later. It is for shutdown. The projections themselves
   * end with the election.
   */
  close(): void {
    this.#closed = true;
    for (const watcher of [...this.#watchers]) watcher.complete();
  }

  #known(projection: ProjectionClass | string): ProjectionRunner {
    const name = typeof projection === 'string' ? projection : defineProjection(projection).name;
    const runner = this.#runners.get(name);
    if (runner) return runner;
    const message = `no projection is called '${name}': is the class among a module's providers, and decorated with @Projection()?`;
    throw new OmniscientError('UNKNOWN_PROJECTION', message);
  }
}

/** How often progress is checked. Milliseconds. */
const LOOK_MS = 250;
/** How often requesting a rebuild is tried when the checkpoint changes meanwhile. */
const ASK_TRIES_MAX = 100;

/** The progress of a projection. */
export interface ProjectionProgress {
  readonly name: string;
  /** The generation of the read model that serves: 1, 2, 3 … */
  readonly generation: number;
  /** The position up to which it has everything. */
  readonly position: number;
  /** The store's last position. */
  readonly lastPosition: number;
  /** The read model that is being rebuilt. `share` is the part that is done, from 0 to 1. */
  readonly rebuilding?: { readonly generation: number; readonly position: number; readonly share: number };
}

type ProjectionClass = { readonly name: string; readonly prototype: object };
