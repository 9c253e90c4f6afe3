import type { ActorBase, ActorClass } from '../../kernel/declaring/index.js';
import { defineActor } from '../../kernel/defining/index.js';
import { OmniscientError } from '../../kernel/values/index.js';
import type { RuntimeLimits } from '../../runtime/parts/index.js';
import type { CommandOutcome, NodeParts, Workload } from './cluster/index.js';
import { Course, type CoursePlan, type CourseResult, type LeftOut } from './course.js';
import type { Invariant } from './course-end.js';
import { FAULT_NAMES, type FaultName } from './faults/index.js';
import { shrink } from './shrink.js';
import { SimulationError } from './simulation-error.js';
import type { SeededRandom } from './world/index.js';

/**
 * Runs an application on several nodes in one process, on virtual time, over a simulated store and network in which
 * everything that can fail does. All randomness and order come from a seed, so a course that failed can be repeated. It
 * works under any test runner.
 *
 * Resolves to figures of the run: how many courses, and how often each kind of fault hit something.
 *
 * @throws SimulationError (`SIMULATION_FAILED`) that names the seed and what happened.
 * @throws OmniscientError (`INVALID_OPTION`).
 * @example
 * ```ts
 * import { Actor, Command, EventHandler, LiveActor } from 'omniscient-nest';
 * import { simulate } from 'omniscient-nest/testing';
 *
 * @Actor()
 * class Stock extends LiveActor<{ left: number }, { taken: object }> {
 *   initialState() {
 *     return { left: 3 };
 *   }
 *
 *   @Command({ onConflict: 'rerun' })
 *   take() {
 *     if (this.state.left === 0) throw new Error('sold out');
 *     this.fire('taken');
 *   }
 *
 *   @EventHandler()
 *   taken() {
 *     this.state.left -= 1;
 *   }
 * }
 *
 * await simulate({
 *   actors: [Stock],
 *   seeds: 20,
 *   workload: ({ actor, random }) => actor(Stock, `s${random.int(3)}`).take().catch(() => {}),
 *   invariants: [
 *     {
 *       name: 'nothing is sold twice',
 *       check: ({ ids, state }) => ids(Stock).every((id) => state(Stock, id).left >= 0) || 'oversold',
 *     },
 *   ],
 * });
 * ```
 */
export async function simulate(options: SimulationOptions): Promise<SimulationFigures> {
  const plan = planOf(options);
  const figures = newFigures();
  for (const seed of seedsOf(options)) {
    const result = await runCourse(seed, plan);
    add(figures, result);
    const failure = result.broken && (await failureOf(result, plan, options.shrinks ?? true));
    options.onCourse?.(seed, failure);
    if (failure) throw failure;
  }
  return figures;
}

/** The options of `simulate`. */
export interface SimulationOptions {
  /** The actor classes of the application. */
  actors: readonly ActorClass[];
  /** One operation of a client. Each client does it again and again. */
  workload: Workload;
  /** The seed of the only course to run. `SEED` in the environment does the same. */
  seed?: number;
  /** How many courses to run, with the seeds 1, 2, 3 … Default 100. */
  seeds?: number;
  /** The number of nodes. Default 3. */
  nodes?: number;
  /** The number of clients. Default 4. */
  clients?: number;
  /** The kinds of faults that may occur. Default: all. */
  faults?: readonly FaultName[];
  /** Rules of your own, besides those of the library. */
  invariants?: readonly Invariant[];
  /** Creates an actor with its dependencies. Default: `new` without arguments. */
  create?: (actorClass: ActorClass, node: NodeParts) => ActorBase<object, object>;
  /** The projections of a node: instances of classes with `@Projection()`. Default: none. */
  projections?: (node: NodeParts) => readonly object[];
  /** Actor classes of the same names that are deployed while other nodes still run the old ones. Default: none. */
  deploys?: readonly ActorClass[];
  /**
   * Limits and waits of the nodes, as in `forRoot`, or a function that gives them for each seed. Default: the
   * library's.
   */
  limits?: Partial<RuntimeLimits> | ((random: SeededRandom) => Partial<RuntimeLimits>);
  /** How long there are faults, in milliseconds of virtual time. Default: 1,500 to 6,000, sometimes longer. */
  chaosMs?: number;
  /**
   * How long after all faults have ended everything must be as if there had been none, in milliseconds of virtual time.
   * Default 12,000.
   */
  settleMs?: number;
  /** Whether a course that failed is shortened, which runs it up to 120 times more. Default true. */
  shrinks?: boolean;
  /** Called after each course. */
  onCourse?: (seed: number, failure: SimulationError | undefined) => void;
}

/** The figures of a simulation. */
export interface SimulationFigures {
  readonly seeds: number;
  readonly events: number;
  readonly commands: Readonly<Record<Exclude<CommandOutcome, 'pending'>, number>>;
  /** How often each kind of fault has hit something. */
  readonly faults: Readonly<Record<string, number>>;
  readonly virtualMs: number;
  readonly steps: number;
}

/** Runs one course, with its whole trace. */
export function runCourse(seed: number, plan: CoursePlan, leftOut: LeftOut = NOTHING): Promise<CourseResult> {
  return new Course(seed, plan, leftOut).run();
}

/** Returns the plan of the options, with defaults. @throws OmniscientError (`INVALID_OPTION`). */
export function planOf(options: SimulationOptions): CoursePlan {
  const { actors, deploys, create, projections, faults = FAULT_NAMES } = options;
  for (const name of faults) {
    if (FAULT_NAMES.includes(name)) continue;
    throw new OmniscientError(
      'INVALID_OPTION',
      `simulate(): the option 'faults' has the unknown fault '${name}': use some of ${FAULT_NAMES.join(', ')}`,
    );
  }
  const generations = [actors, ...(deploys ? [deploys] : [])].map((each) => each.map(defineActor));
  return {
    program: {
      generations,
      limits: limitsOf(options),
      create: create ?? ((actorClass) => new actorClass()),
      projections: projections ?? (() => []),
    },
    nodes: options.nodes ?? 3,
    clients: options.clients ?? 4,
    workload: options.workload,
    faults: deploys ? faults : faults.filter((name) => name !== 'rolling-deployment'),
    invariants: options.invariants ?? [],
    chaosMs: options.chaosMs,
    settleMs: options.settleMs ?? 12_000,
  };
}

function limitsOf({ limits = {} }: SimulationOptions): CoursePlan['program']['limits'] {
  return typeof limits === 'function' ? limits : () => limits;
}

const NOTHING: LeftOut = { faults: new Set(), operations: new Set() };

function seedsOf({ seed, seeds = 100 }: SimulationOptions): number[] {
  const only = process.env.SEED ? Number(process.env.SEED) : seed;
  return only === undefined ? Array.from({ length: seeds }, (_, i) => i + 1) : [only];
}

async function failureOf(result: CourseResult, plan: CoursePlan, shrinks: boolean): Promise<SimulationError> {
  if (!shrinks) return new SimulationError(result, 0);
  const { shortest, runs } = await shrink(result, (leftOut) => runCourse(result.seed, plan, leftOut));
  return new SimulationError(shortest, runs);
}

type Growing = { seeds: number; events: number; virtualMs: number; steps: number } & {
  commands: { acknowledged: number; refused: number; 'in doubt': number };
  faults: Record<string, number>;
};

function newFigures(): Growing {
  const commands = { acknowledged: 0, refused: 0, 'in doubt': 0 };
  return { seeds: 0, events: 0, virtualMs: 0, steps: 0, commands, faults: {} };
}

function add(figures: Growing, { world, commands }: CourseResult): void {
  figures.seeds += 1;
  figures.events += world.store.log.length;
  figures.virtualMs += Math.round(world.time.nowMs);
  figures.steps += world.time.steps;
  for (const { outcome } of commands.all.values()) if (outcome !== 'pending') figures.commands[outcome] += 1;
  for (const [name, count] of world.faults.counts) figures.faults[name] = (figures.faults[name] ?? 0) + count;
}
