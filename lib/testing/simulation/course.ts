import type { ActorClass } from '../../kernel/declaring/index.js';
import type { ActorDefinition } from '../../kernel/defining/index.js';
import {
  Clients,
  Commands,
  type NodeProgram,
  SimulatedNode,
  Subscriber,
  type Wanted,
  type Workload,
} from './cluster/index.js';
import { type CourseEnd, endOf, type Invariant } from './course-end.js';
import { CourseFaults } from './course-faults.js';
import type { FaultName } from './faults/index.js';
import { BUILT_IN_INVARIANTS, type InvariantWatch, type Watched } from './invariants/index.js';
import { Mailboxes, World } from './store/index.js';

/**
 * One course. Nodes start, clients give commands while there are faults, all faults end, and then nothing happens but
 * what the library does by itself.
 */
export class Course implements Watched {
  readonly world: World;
  readonly nodes: readonly SimulatedNode[];
  readonly commands: Commands;
  readonly definitions: ReadonlyMap<string, ActorDefinition>;
  quietSinceMs: number | undefined;
  readonly #seed: number;
  readonly #plan: CoursePlan;
  readonly #clients: Clients;
  readonly #watches: readonly InvariantWatch[];
  readonly #subscribers: readonly Subscriber[];
  readonly #faults: CourseFaults;
  #broken: Broken | undefined;

  constructor(seed: number, plan: CoursePlan, leftOut: LeftOut) {
    this.#seed = seed;
    this.#plan = plan;
    const world = new World(seed);
    const commands = new Commands(world);
    const mailboxes = new Mailboxes(world);
    const keepsId = world.random.fork('ids').chance(0.5);
    const parts = { world, mailboxes, program: plan.program, commands, keepsId };
    this.world = world;
    this.commands = commands;
    this.nodes = Array.from({ length: plan.nodes }, (_, number) => new SimulatedNode(number, parts));
    this.#faults = new CourseFaults(world, this.nodes, leftOut.faults);
    this.definitions = new Map(plan.program.generations.flat().map((each) => [each.name, each]));
    this.#clients = new Clients({ world, nodes: this.nodes, commands }, plan.workload, leftOut.operations);
    this.#clients.onBroken = (error) =>
      this.#breakOff({ invariant: 'the workload', message: text(error), streams: [], cause: error });
    this.#watches = BUILT_IN_INVARIANTS.map(({ name, watch }) =>
      watch(this, (message, ...streams) => this.fail(name, message, streams)),
    );
    this.#subscribers = this.#newSubscribers();
    for (const watch of this.#watches) {
      world.store.observers.push(watch);
      commands.observers.push((record) => watch.told?.(record));
    }
  }

  /** Makes an instance of an actor class that belongs to no node. */
  readonly newActor = (definition: ActorDefinition): InstanceType<ActorClass> => {
    const parts = this.nodes.find(({ lastParts }) => lastParts)?.lastParts;
    if (!parts) throw new Error('no node has ever started');
    return this.#plan.program.create(definition.actorClass, parts);
  };

  fail(invariant: string, message: string, streams: readonly string[]): void {
    this.#breakOff({ invariant, message, streams });
  }

  async run(): Promise<CourseResult> {
    await this.#run();
    return {
      seed: this.#seed,
      broken: this.#broken,
      world: this.world,
      commands: this.commands,
      faults: this.#faults.ids,
      operations: this.#clients.operations,
    };
  }

  async #run(): Promise<void> {
    const { time, store } = this.world;
    await store.open();
    const chaosMs = this.#planChaos();
    const pace = chaosMs > CHAOS_MS[1] ? chaosMs / CHAOS_MS[1] : 1;
    for (const subscriber of this.#subscribers) subscriber.start();
    const clients = Array.from({ length: this.#plan.clients }, (_, i) => this.#clients.run(i + 1, chaosMs, pace));
    let isDone = false;
    void Promise.all(clients).then(() => {
      isDone = true;
    });
    await time.goTo(chaosMs);
    if (this.#broken) return;
    this.#faults.heal();
    this.#look();
    await time.goTo(time.nowMs + LAST_ANSWERS_MS_MAX, () => isDone);
    this.quietSinceMs = time.nowMs;
    this.world.trace.note('all', 'no more commands and faults: only the library goes on');
    for (const subscriber of this.#subscribers) subscriber.stay();
    await time.goTo(time.nowMs + this.#plan.settleMs);
    await this.#end();
  }

  #planChaos(): number {
    const { time, random } = this.world;
    const own = random.fork('chaos');
    const [minMs, maxMs] = own.chance(LONG_SHARE) ? LONG_CHAOS_MS : CHAOS_MS;
    const drawnMs = own.between(minMs, maxMs);
    const chaosMs = this.#plan.chaosMs ?? drawnMs;
    this.#faults.schedule(this.#plan.faults, chaosMs);
    for (const node of this.nodes) time.after(own.between(0, START_MS_MAX), () => node.restart());
    for (let i = 0; i < LOOKS; i += 1) time.after(own.between(0, chaosMs), () => this.#look());
    return chaosMs;
  }

  #look(): void {
    for (const watch of this.#watches) watch.look?.();
  }

  async #end(): Promise<void> {
    if (this.#broken) return;
    for (const node of this.nodes) {
      if (!node.ready) this.fail('every node starts', `${node.name} is not ready`, []);
    }
    for (const watch of this.#watches) watch.end?.();
    for (const subscriber of this.#subscribers) subscriber.end();
    if (this.#broken) return;
    await this.#loadAll();
    this.#checkOwn();
    if (!this.#broken) await this.#shutDown();
  }

  /** Loads all actors anew, perhaps from a snapshot. Their states must be the same. */
  async #loadAll(): Promise<void> {
    const { time } = this.world;
    for (const { actor, id } of new Map(
      [...this.commands.all.values()].map((each) => [`${each.actor} ${each.id}`, each]),
    ).values()) {
      for (const { current } of this.nodes) {
        const repository = current?.repositories.get(actor);
        if (!current || !repository) continue;
        const load = () =>
          void repository.get(id).then(
            (ref) => ref.release(),
            (error: unknown) => this.fail('everything can be loaded', `${actor} '${id}': ${text(error)}`, [id]),
          );
        time.after(
          0,
          () => {
            load();
          },
          current.process,
        );
      }
    }
    await time.goTo(time.nowMs + 200);
    this.#look();
  }

  #checkOwn(): void {
    const end: CourseEnd = endOf(this);
    for (const { name, check } of this.#plan.invariants) {
      if (this.#broken) return;
      try {
        const said = check(end);
        if (typeof said === 'string') this.fail(name, said, []);
      } catch (error) {
        this.#breakOff({ invariant: name, message: text(error), streams: [], cause: error });
      }
    }
  }

  async #shutDown(): Promise<void> {
    const { time } = this.world;
    for (const node of this.nodes) node.shutDown();
    await time.goTo(time.nowMs + SHUTDOWN_MS_MAX, () => this.nodes.every(({ current }) => !current));
    for (const { name, current } of this.nodes) {
      if (current) this.fail('every node shuts down', `${name} did not within ${SHUTDOWN_MS_MAX} ms`, []);
    }
  }

  #newSubscribers(): Subscriber[] {
    const random = this.world.random.fork('subscribers');
    const names = [...new Set([...this.definitions.values()].flatMap(({ handlers }) => [...handlers.keys()]))];
    const newOne = (): Wanted =>
      random.chance(0.7) ? 'all' : { names: names.filter(() => random.chance(0.4)).concat(names.slice(0, 1)) };
    const fail = (message: string, ...streams: string[]) =>
      this.fail('each subscriber gets every event once, in order', message, streams);
    const parts = { world: this.world, nodes: this.nodes, fail };
    const count = random.int(2, SUBSCRIBERS_MAX + 1);
    return Array.from({ length: count }, (_, i) => new Subscriber(`subscriber ${i + 1}`, newOne(), parts));
  }

  #breakOff(broken: Broken): void {
    if (this.#broken) return;
    this.#broken = broken;
    this.world.trace.note('all', `BROKEN: ${broken.invariant}: ${broken.message}`);
    this.world.time.stop();
  }
}

/** Everything that determines a course, except the seed. */
export interface CoursePlan {
  readonly program: NodeProgram;
  readonly nodes: number;
  readonly clients: number;
  readonly workload: Workload;
  readonly faults: readonly FaultName[];
  readonly invariants: readonly Invariant[];
  readonly chaosMs: number | undefined;
  readonly settleMs: number;
}

/** What is left out of a course, to find out whether it fails without that. */
export interface LeftOut {
  readonly faults: ReadonlySet<string>;
  readonly operations: ReadonlySet<string>;
}

/** The rule that broke. */
export interface Broken {
  readonly invariant: string;
  readonly message: string;
  readonly streams: readonly string[];
  readonly cause?: unknown;
}

/** The result of one course. */
export interface CourseResult {
  readonly seed: number;
  readonly broken: Broken | undefined;
  readonly world: World;
  readonly commands: Commands;
  /** The ids of its faults, and the names of its operations. */
  readonly faults: readonly string[];
  readonly operations: readonly string[];
}

/** Nodes start within this time. Milliseconds. */
const START_MS_MAX = 60;
/** Most subscribers from outside. */
const SUBSCRIBERS_MAX = 8;
/** How often replicas are compared while there are faults. */
const LOOKS = 4;
/** How long faults last in most courses, and in the long ones. Milliseconds. */
const CHAOS_MS = [1_500, 6_000] as const;
const LONG_CHAOS_MS = [20_000, 75_000] as const;
const LONG_SHARE = 0.015;
/** Longest time that clients wait for their last answers after all faults have ended. Milliseconds. */
const LAST_ANSWERS_MS_MAX = 60_000;
/** Longest time that a node may take to shut down while there are no faults. Milliseconds. */
const SHUTDOWN_MS_MAX = 60_000;

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
