import type { ActorBase, ActorClass, CommandsOf } from '../../../kernel/declaring/index.js';
import { type ActorDefinition, defineActor } from '../../../kernel/defining/index.js';
import { OmniscientError } from '../../../kernel/values/index.js';
import { withCorrelation } from '../../../runtime/events/index.js';
import type { World } from '../store/index.js';
import type { SeededRandom } from '../world/index.js';
import type { CommandRecord, Commands } from './commands.js';
import { outcomeOf } from './outcome.js';
import type { SimulatedNode } from './simulated-node.js';
import type { NodeParts, Started } from './started-node.js';

/**
 * The clients, which give commands. Each does one operation after the other. The random choices of an operation depend
 * only on its number.
 */
export class Clients {
  /** Gets what a workload threw, if it was not the error of a command. */
  onBroken: (error: unknown) => void = () => {};
  readonly #world: World;
  readonly #nodes: readonly SimulatedNode[];
  readonly #commands: Commands;
  readonly #workload: Workload;
  readonly #leftOut: ReadonlySet<string>;
  readonly #thrown = new WeakSet<object>();
  readonly #given: string[] = [];
  readonly #definitions = new Map<ActorClass, ActorDefinition>();

  /** @param leftOut names of operations that are skipped. */
  constructor(
    parts: { world: World; nodes: readonly SimulatedNode[]; commands: Commands },
    workload: Workload,
    leftOut: ReadonlySet<string>,
  ) {
    this.#world = parts.world;
    this.#nodes = parts.nodes;
    this.#commands = parts.commands;
    this.#workload = workload;
    this.#leftOut = leftOut;
  }

  /** The names of the operations that were begun. */
  get operations(): readonly string[] {
    return this.#given;
  }

  /** Runs one client until this time. */
  async run(client: number, untilMs: number, pace: number): Promise<void> {
    const [hurrying, idling] = PAUSE_MS_MAX;
    const pauseMs = this.#world.random.fork('pauses').between(hurrying, idling);
    const pauses = this.#world.random.fork(`pauses of client ${client}`);
    // The time at which an operation begins depends on nothing else, so leaving one out does not move the others.
    for (let operation = 1, atMs = 0; ; operation += 1) {
      atMs += pauses.between(0, pauseMs) * pace;
      if (atMs > this.#world.time.nowMs) await this.#world.time.sleep(atMs - this.#world.time.nowMs);
      if (this.#world.time.nowMs >= untilMs) return;
      const name = `${client}.${operation}`;
      if (this.#leftOut.has(name)) continue;
      this.#given.push(name);
      try {
        await this.#workload(this.#clientFor(client, operation, name));
      } catch (error) {
        if (typeof error !== 'object' || error === null || !this.#thrown.has(error)) this.onBroken(error);
      }
    }
  }

  #clientFor(client: number, operation: number, name: string): SimulatedClient {
    const random = this.#world.random.fork(`operation ${name}`);
    const ways = random.fork('ways');
    // Some clients stay with one node for a whole operation, as clients with a session do.
    const isSticky = ways.chance(0.5);
    let last: SimulatedNode | undefined;
    const pick = () => {
      last = isSticky && last?.ready ? last : this.#pick(ways);
      return last;
    };
    let count = 0;
    const give = (
      definition: ActorDefinition,
      id: string,
      command: string,
      args: readonly unknown[],
      once?: string,
    ) => {
      count += 1;
      return this.#give({ key: `${name}.${count}`, definition, id, command, args, once }, pick(), ways);
    };
    return {
      client,
      operation,
      random,
      sleep: (ms) => this.#world.time.sleep(ms),
      on: (work) => this.#on(work, pick(), ways),
      actor: <A extends AnyActor>(actorClass: ActorClass<A>, id: string) => {
        const definition = this.#definitionOf(actorClass);
        const ref = refOf(definition, (command, args) => give(definition, id, command, args));
        const once = (key: string) => refOf(definition, (command, args) => give(definition, id, command, args, key));
        return Object.assign(ref, { once }) as unknown as SimulatedRef<A>;
      },
    };
  }

  #on<T>(work: (node: NodeParts) => Promise<T>, { ready: started }: SimulatedNode, ways: SeededRandom): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        if (typeof error === 'object' && error !== null) this.#thrown.add(error);
        reject(error);
      };
      const lost = () => fail(nodeLost(started?.process.name ?? 'of any name', 'is gone', !started));
      if (!started) return lost();
      started.onEnd.add(lost);
      const run = () => void work(started.parts).then(resolve, fail);
      this.#world.time.after(ways.between(0.1, WAY_MS_MAX), run, started.process);
    });
  }

  /** Returns a node that takes commands, if there is one. */
  #pick(ways: SeededRandom): SimulatedNode {
    const ready = this.#nodes.filter((node) => node.ready);
    return ways.pick(ready.length > 0 ? ready : this.#nodes);
  }

  #definitionOf(actorClass: ActorClass): ActorDefinition {
    const known = this.#definitions.get(actorClass) ?? defineActor(actorClass);
    this.#definitions.set(actorClass, known);
    return known;
  }

  #give(given: Given, node: SimulatedNode, ways: SeededRandom): Promise<unknown> {
    const { key, definition, id, command, args, once } = given;
    const label = once === undefined ? command : `once('${once}').${command}`;
    const record = this.#commands.begin({ key, actor: definition.name, id, command: label, args, node: node.name });
    const [thereMs, backMs] = [ways.between(0.1, WAY_MS_MAX), ways.between(0.1, WAY_MS_MAX)];
    return new Promise((resolve, reject) => {
      const tell = (how: { answer: unknown } | { error: unknown }) => {
        this.#world.time.after(backMs, () => {
          if ('answer' in how) return resolve(how.answer);
          if (typeof how.error === 'object' && how.error !== null) this.#thrown.add(how.error);
          reject(how.error);
        });
      };
      this.#world.time.after(thereMs, () => {
        const { ready } = node;
        if (ready) this.#run(given, record, ready, tell);
        else {
          const error = nodeLost(node.name, 'takes no commands', true);
          this.#commands.end(record, { outcome: 'refused', error });
          tell({ error });
        }
      });
    });
  }

  /** Runs the command at the node. */
  #run(
    { key, definition, id, command, args, once }: Given,
    record: CommandRecord,
    started: Started,
    tell: (how: { answer: unknown } | { error: unknown }) => void,
  ): void {
    let isTold = false;
    const settle = (outcome: CommandRecord['outcome'], how: { answer: unknown } | { error: unknown }) => {
      if (isTold) return;
      isTold = true;
      started.onEnd.delete(lost);
      this.#commands.end(record, { outcome, ...how });
      tell(how);
    };
    const lost = () => settle('in doubt', { error: nodeLost(started.process.name, 'is gone', false) });
    started.onEnd.add(lost);
    const run = () =>
      void withCorrelation(key, async () => {
        const repository = started.repositories.get(definition.name);
        if (!repository) throw nodeLost(started.process.name, `has no actor '${definition.name}'`, true);
        const ref = (await repository.get(id)) as unknown as Record<string, Method> & { once(key: string): typeof ref };
        const method = (once === undefined ? ref : ref.once(once))[command] as Method;
        return method.apply(once === undefined ? ref : ref.once(once), structuredClone(args) as unknown[]);
      }).then(
        (answer) => settle('acknowledged', { answer }),
        (error: unknown) => settle(outcomeOf(error), { error }),
      );
    this.#world.time.after(0, run, started.process);
  }
}

type AnyActor = ActorBase<object, object>;

/** Longest way between a client and a node. Milliseconds. */
const WAY_MS_MAX = 3;
/** Longest time between two operations of one client: in the fastest course, and in the slowest. Milliseconds. */
const PAUSE_MS_MAX = [15, 200] as const;

/** An actor as a client of a simulation sees it: its commands, each given to a node that is picked for it. */
export type SimulatedRef<A extends AnyActor> = CommandsOf<A> & {
  /** The same commands, with an idempotency key. */
  once(key: string): CommandsOf<A>;
};

/** What an operation of the workload works with. */
export interface SimulatedClient {
  /**
   * Returns the actor of this id, on any node. A command rejects with the error of its node, or with `NODE_LOST` if the
   * node dies before it answers.
   */
  actor<A extends AnyActor>(actorClass: ActorClass<A>, id: string): SimulatedRef<A>;
  /** Random numbers from the seed. Use no others, so that a course can be repeated. */
  readonly random: SeededRandom;
  /** Resolves after so many milliseconds of virtual time. There is no other time. */
  sleep(ms: number): Promise<void>;
  /** Does something on any node: reads another read model, say. */
  on<T>(work: (node: NodeParts) => Promise<T>): Promise<T>;
  /** The number of this client, from 1, and of its operation. */
  readonly client: number;
  readonly operation: number;
}

/** One operation. Each client does it again and again. */
export type Workload = (client: SimulatedClient) => unknown;

type Method = (...args: unknown[]) => Promise<unknown>;

interface Given {
  readonly key: string;
  readonly definition: ActorDefinition;
  readonly id: string;
  readonly command: string;
  readonly args: readonly unknown[];
  readonly once: string | undefined;
}

function refOf(
  { commands, name }: ActorDefinition,
  give: (command: string, args: readonly unknown[]) => Promise<unknown>,
): object {
  const ref: Record<string, unknown> = {};
  for (const command of commands.keys()) ref[command] = (...args: unknown[]) => give(command, args);
  Object.defineProperty(ref, 'toString', { value: () => name });
  return ref;
}

function nodeLost(node: string, why: string, isDefinite: boolean): OmniscientError {
  const code = isDefinite ? 'NODE_DOWN' : 'NODE_LOST';
  return new OmniscientError(code, `node ${node} ${why}`, { retryable: isDefinite });
}
