import { EventHandler, Projection, type ProjectionCheckpoint, type StoredEvent } from 'omniscient-nest';
import type { CourseEnd, NodeParts, SimulationOptions } from 'omniscient-nest/testing';
import { hastyLimits } from './hasty-limits.js';
import { Order } from './orders.js';

interface ReadModel {
  position: number;
  readonly ids: string[];
}

/** A database: one read model for each generation, and which one serves. */
interface Database {
  readonly models: Map<number, ReadModel>;
  serving: number;
}

function databaseOf(shared: Map<string, unknown>, name: string): Database {
  const database = (shared.get(name) as Database | undefined) ?? { models: new Map(), serving: 1 };
  shared.set(name, database);
  return database;
}

function modelOf({ models }: Database, generation: number): ReadModel {
  const model = models.get(generation) ?? { position: 0, ids: [] };
  models.set(generation, model);
  return model;
}

/** Keeps how far it has come with what it writes. */
@Projection()
export class Exact {
  readonly #database: Database;
  readonly #node: NodeParts;

  constructor(node: NodeParts) {
    this.#node = node;
    this.#database = databaseOf(node.shared, 'Exact');
  }

  loadCheckpoint(generation: number): number | undefined {
    return this.#database.models.get(generation)?.position;
  }

  onRebuild(generation: number): void {
    modelOf(this.#database, generation);
  }

  onServe(generation: number): void {
    this.#database.serving = Math.max(this.#database.serving, generation);
  }

  @EventHandler('ordered') async ordered(
    _data: object,
    event: StoredEvent,
    { position, generation, isLate }: ProjectionCheckpoint,
  ) {
    await this.#node.sleep(0.5);
    const model = modelOf(this.#database, generation);
    if (isLate || position <= model.position) return;
    model.ids.push(event.id);
    model.position = position;
  }
}

/** Goes by the engine's checkpoint: sees events again after a crash, and leaves none out. */
@Projection()
export class AtLeastOnce {
  readonly #database: Database;

  constructor(node: NodeParts) {
    this.#database = databaseOf(node.shared, 'AtLeastOnce');
  }

  onServe(generation: number): void {
    this.#database.serving = Math.max(this.#database.serving, generation);
  }

  @EventHandler('ordered') ordered(_data: object, event: StoredEvent, { generation }: ProjectionCheckpoint) {
    modelOf(this.#database, generation).ids.push(event.id);
  }
}

export const READ_MODELS: SimulationOptions = {
  actors: [Order],
  projections: (node) => [new Exact(node), new AtLeastOnce(node)],
  limits: hastyLimits,
  workload: async ({ actor, random, on }) => {
    const order = `o${random.int(3)}`;
    if (random.chance(0.02)) return on((node) => node.projections.rebuild(random.pick([Exact, AtLeastOnce])));
    return random.chance(0.2) ? actor(Order, order).cancel() : actor(Order, order).order('b0');
  },
  invariants: [{ name: 'each projection saw every event, in order', check: modelsAreComplete }],
};

function modelsAreComplete({ events, shared }: CourseEnd): string | undefined {
  const wanted = events.filter(({ name }) => name === 'ordered').map(({ id }) => id);
  for (const name of ['Exact', 'AtLeastOnce']) {
    const { models, serving } = (shared.get(name) as Database | undefined) ?? { models: new Map(), serving: 1 };
    const ids: string[] = models.get(serving)?.ids ?? [];
    const seen = name === 'Exact' ? ids : [...new Set(ids)];
    const at = wanted.findIndex((id, i) => id !== seen[i]);
    if (at !== -1)
      return `${name} ${serving}: event ${at + 1} of ${wanted.length} is ${wanted[at]}, but it saw ${seen[at]}`;
    if (seen.length !== wanted.length) return `${name} ${serving} saw ${seen.length} of ${wanted.length}`;
  }
  return undefined;
}
