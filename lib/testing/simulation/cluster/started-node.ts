import { type Environment, sleep } from '../../../engine/environment/index.js';
import type { ActorBase, ActorClass } from '../../../kernel/declaring/index.js';
import { type ActorDefinition, defineActor } from '../../../kernel/defining/index.js';
import type { Clock } from '../../../kernel/values/index.js';
import type { Runtime } from '../../../runtime/node/index.js';
import type { RuntimeLimits } from '../../../runtime/parts/index.js';
import type { Projections } from '../../../runtime/projecting/index.js';
import type { ActorRepository } from '../../../runtime/refs/index.js';
import type { EventSubscriptions } from '../../../runtime/subscribing/index.js';
import type { SimulatedEngine } from '../store/index.js';
import type { SeededRandom, SimulatedProcess } from '../world/index.js';
import type { Commands } from './commands.js';
import { watched } from './watched-actor.js';

/** What the actors and projections of one process can be given. */
export interface NodeParts {
  /** The node's name, `n2` for example. It is the same after a restart. */
  readonly name: string;
  repository<A extends AnyActor>(actorClass: ActorClass<A>): ActorRepository<A>;
  readonly subscriptions: EventSubscriptions;
  readonly projections: Projections;
  readonly clock: Clock;
  /** What all nodes of one course share and no fault touches: a database of the application, for example. */
  readonly shared: Map<string, unknown>;
  /** Resolves after so many milliseconds of virtual time, unless the node is killed. */
  sleep(ms: number): Promise<void>;
}

type AnyActor = ActorBase<object, object>;

/** What a node runs. */
export interface NodeProgram {
  /** The actor classes of each generation of the code: the first one, and those deployed later. */
  readonly generations: readonly (readonly ActorDefinition[])[];
  /** The limits of the nodes of one course. */
  limits(random: SeededRandom): Partial<RuntimeLimits>;
  create(actorClass: ActorClass, node: NodeParts): AnyActor;
  projections(node: NodeParts): readonly object[];
}

/** One start of a node. */
export class Started {
  isReady = false;
  isLeaving = false;
  readonly process: SimulatedProcess;
  readonly runtime: Runtime;
  readonly engine: SimulatedEngine;
  readonly repositories = new Map<string, ActorRepository<AnyActor>>();
  /** Called when it ends, because those who wait for an answer will not get one. */
  readonly onEnd = new Set<() => void>();
  readonly parts: NodeParts;
  readonly #commands: Commands;

  constructor(
    of: {
      process: SimulatedProcess;
      runtime: Runtime;
      engine: SimulatedEngine;
      environment: Environment;
      shared: Map<string, unknown>;
    },
    commands: Commands,
  ) {
    const { process, runtime, engine, environment, shared } = of;
    this.process = process;
    this.runtime = runtime;
    this.engine = engine;
    this.#commands = commands;
    this.parts = {
      name: process.name,
      repository: <A extends AnyActor>(actorClass: ActorClass<A>) =>
        this.repositories.get(defineActor(actorClass).name) as unknown as ActorRepository<A>,
      subscriptions: runtime.subscriptions,
      projections: runtime.projections,
      clock: runtime.parts.clock,
      shared,
      sleep: (ms) => sleep(environment, ms),
    };
  }

  async boot(program: NodeProgram, generation: number): Promise<void> {
    const { parts } = this;
    await this.runtime.start();
    for (const definition of program.generations[generation] ?? []) {
      const newActor = () => program.create(definition.actorClass, parts);
      const actor = watched(definition, newActor, this.#commands);
      this.repositories.set(definition.name, this.runtime.register(actor.definition, actor.newActor));
    }
    for (const projection of program.projections(parts)) {
      this.runtime.projections.add(projection.constructor, projection);
    }
    await this.runtime.prepare();
    await this.runtime.begin();
  }

  end(): void {
    this.process.isDead = true;
    this.engine.end();
    for (const tell of [...this.onEnd]) tell();
  }
}
