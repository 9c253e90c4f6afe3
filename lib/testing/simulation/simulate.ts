import type { ActorBase, ActorClass } from '../../kernel/declaring/actor.js';
import { defineActor } from '../../kernel/defining/actor-definition.js';
import { OmniscientError } from '../../kernel/values/errors.js';
import type { RuntimeLimits } from '../../runtime/parts/settings.js';
import type { Workload } from './cluster/clients.js';
import type { CommandOutcome } from './cluster/commands.js';
import type { NodeParts } from './cluster/started-node.js';
import { Course, type CoursePlan, type CourseResult, type LeftOut } from './course.js';
import type { Invariant } from './course-end.js';
import { FAULT_NAMES, type FaultName } from './faults/fault-plan.js';
import { shrink } from './shrink.js';
import { SimulationError } from './simulation-error.js';
import type { SeededRandom } from './world/seeded-random.js';

/**
 * Runs an application on several nodes in one process, on virtual time, over a store and a network in which all that can go wrong does: chance and order come
 * from a seed alone, so that a course that failed comes again. Whatever test runner there is.
 *
 * @throws SimulationError (`SIMULATION_FAILED`) that names the seed and what happened.
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
 *   @Command({ onConflict: 'rerun' }) take() {
 *     if (this.state.left === 0) throw new Error('sold out');
 *     this.fire('taken');
 *   }
 *
 *   @EventHandler() taken() {
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

/** What `simulate` takes. */
export interface SimulationOptions {
  /** The actor classes of the application. */
  actors: readonly ActorClass[];
  /** What clients do, each again and again: one operation. */
  workload: Workload;
  /** The only course there is to be; `SEED` in the environment says it as well. */
  seed?: number;
  /** How many courses, with the seeds 1, 2, 3 … Default 100. */
  seeds?: number;
  /** How many nodes. Default 3. */
  nodes?: number;
  /** How many clients. Default 4. */
  clients?: number;
  /** Which kinds of faults there may be. Default: all. */
  faults?: readonly FaultName[];
  /** Rules of your own, beside those of the library. */
  invariants?: readonly Invariant[];
  /** Makes an actor, with what is injected into it. Default: `new` without arguments. */
  create?: (actorClass: ActorClass, node: NodeParts) => ActorBase<object, object>;
  /** Projections of a node: objects of classes that are marked with `@Projection()`. Default: none. */
  projections?: (node: NodeParts) => readonly object[];
  /** The actor classes that are deployed while others still run the old ones: by the same names. Default: none. */
  deploys?: readonly ActorClass[];
  /** Limits and waits of the nodes, as in `forRoot`; others for each seed, if it is a function. Default: the library's. */
  limits?: Partial<RuntimeLimits> | ((random: SeededRandom) => Partial<RuntimeLimits>);
  /** How long things go wrong, in milliseconds of virtual time. Default: 1.5 to 6 seconds, sometimes longer. */
  chaosMs?: number;
  /** How long after everything has healed all must be as if nothing had happened, in milliseconds of virtual time. Default 12,000. */
  settleMs?: number;
  /** Whether a course that failed is shortened, which runs it up to 120 times more. Default true. */
  shrinks?: boolean;
  /** Told after each course. */
  onCourse?: (seed: number, failure: SimulationError | undefined) => void;
}

/** What came of a simulation. */
export interface SimulationFigures {
  readonly seeds: number;
  readonly events: number;
  readonly commands: Readonly<Record<Exclude<CommandOutcome, 'pending'>, number>>;
  /** How often each kind of fault has hit something. */
  readonly faults: Readonly<Record<string, number>>;
  readonly virtualMs: number;
  readonly steps: number;
}

/** One course, with its whole trace. */
export function runCourse(seed: number, plan: CoursePlan, leftOut: LeftOut = NOTHING): Promise<CourseResult> {
  return new Course(seed, plan, leftOut).run();
}

/** The same with the defaults. @throws OmniscientError (`INVALID_OPTION`). */
export function planOf(options: SimulationOptions): CoursePlan {
  const { actors, deploys, create, projections, faults = FAULT_NAMES } = options;
  for (const name of faults) {
    if (FAULT_NAMES.includes(name)) continue;
    throw new OmniscientError(
      'INVALID_OPTION',
      `simulate: there is no fault '${name}'; there are: ${FAULT_NAMES.join(', ')}`,
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
