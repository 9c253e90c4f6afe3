import { Runtime } from '../../../runtime/node/index.js';
import type { RuntimeLimits } from '../../../runtime/parts/index.js';
import type { FaultyNode } from '../faults/index.js';
import { Link, type Mailboxes, SimulatedEngine, type World } from '../store/index.js';
import { SimulatedEnvironment, SimulatedProcess } from '../world/index.js';
import type { Commands } from './commands.js';
import { type NodeParts, type NodeProgram, Started } from './started-node.js';
import { WatchedIds } from './watched-ids.js';

/** One node: a process that runs a real `Runtime`, and a new process after each restart. */
export class SimulatedNode implements FaultyNode {
  readonly name: string;
  clockOffsetMs = 0;
  readonly #number: number;
  readonly #world: World;
  readonly #mailboxes: Mailboxes;
  readonly #program: NodeProgram;
  readonly #commands: Commands;
  readonly #keepsId: boolean;
  readonly #limits: Partial<RuntimeLimits>;
  readonly #cuts = { in: false, out: false };
  #generation = 0;
  #starts = 0;
  #isFrozen = false;
  #current: Started | undefined;
  #startsAgain = false;
  #lastParts: NodeParts | undefined;

  constructor(
    number: number,
    parts: { world: World; mailboxes: Mailboxes; program: NodeProgram; commands: Commands; keepsId: boolean },
  ) {
    this.#number = number;
    this.name = `n${number + 1}`;
    this.#world = parts.world;
    this.#mailboxes = parts.mailboxes;
    this.#program = parts.program;
    this.#commands = parts.commands;
    this.#keepsId = parts.keepsId;
    this.#limits = parts.program.limits(parts.world.random.fork('limits'));
  }

  /** The current process, if it is ready. */
  get ready(): Started | undefined {
    return this.#current?.isReady && !this.#current.isLeaving ? this.#current : undefined;
  }

  /** The current process, ready or not. */
  get current(): Started | undefined {
    return this.#current;
  }

  /** What the actors of its last process were given. */
  get lastParts(): NodeParts | undefined {
    return this.#lastParts;
  }

  restart(): void {
    if (this.#current) this.#startsAgain = this.#current.isLeaving;
    else this.#start();
  }

  kill(): void {
    if (!this.#current) return;
    this.#note('is killed');
    this.#end();
  }

  freeze(): void {
    if (!this.#isFrozen) this.#note('is frozen');
    this.#isFrozen = true;
    if (this.#current) this.#current.process.isFrozen = true;
  }

  thaw(): void {
    if (this.#isFrozen) this.#note('goes on');
    this.#isFrozen = false;
    if (this.#current) this.#world.time.thaw(this.#current.process);
  }

  /** Shuts the node down, as on SIGTERM. */
  shutDown(): void {
    const current = this.#current;
    if (!current || current.isLeaving) return;
    current.isLeaving = true;
    const ended = (how: string) => {
      if (this.#current !== current) return;
      this.#note(how);
      this.#end();
    };
    this.#world.time.after(
      0,
      () => {
        this.#note('shuts down');
        current.runtime.stop().then(
          () => ended('has shut down'),
          (error: unknown) => ended(`could not shut down: ${error instanceof Error ? error.message : String(error)}`),
        );
      },
      current.process,
    );
  }

  deploy(generation: number): void {
    this.#generation = Math.min(generation, this.#program.generations.length - 1);
    this.#note(`gets generation ${this.#generation} of the code`);
  }

  cut(direction: 'in' | 'out', isCut: boolean): void {
    if (this.#cuts[direction] === isCut) return;
    this.#cuts[direction] = isCut;
    this.#note(`${isCut ? 'is cut off' : 'is connected again'}: ${direction}`);
  }

  setClock(offsetMs: number): void {
    this.clockOffsetMs = offsetMs;
    if (this.#current) this.#current.process.clockOffsetMs = offsetMs;
    this.#note(`has its clock set ${offsetMs} ms ahead of true time`);
  }

  #start(): void {
    this.#starts += 1;
    const started = this.#newProcess();
    this.#current = started;
    this.#lastParts = started.parts;
    this.#note('starts');
    const boot = () => {
      started.boot(this.#program, this.#generation).then(
        () => {
          started.isReady = true;
          this.#note('is ready');
        },
        (error: unknown) => {
          if (this.#current !== started) return;
          this.#note(`could not start: ${error instanceof Error ? error.message : String(error)}`);
          this.#startsAgain ||= !started.isLeaving;
          this.#end();
        },
      );
    };
    this.#world.time.after(0, boot, started.process);
  }

  #newProcess(): Started {
    const random = this.#world.random.fork(`${this.name} start ${this.#starts}`);
    const name = `${this.name}${this.#starts > 1 ? `.${this.#starts}` : ''}`;
    const process = new SimulatedProcess(name, Math.floor(random.between(10, 1e7)));
    process.clockOffsetMs = this.clockOffsetMs;
    process.isFrozen = this.#isFrozen;
    const environment = new SimulatedEnvironment(this.#world.time, process, random);
    const link = new Link(this.#world, process, this.#number, this.#cuts);
    const engine = new SimulatedEngine(this.#world, link, this.#number, this.#mailboxes);
    const commands = this.#commands;
    const runtime = new Runtime({
      ...this.#limits,
      engine,
      environment,
      nodeId: this.#keepsId ? this.name : name,
      ids: new WatchedIds(process, environment, commands),
      log: {
        warn: (message, error) => this.#log(process, message, error),
        error: (message, error) => this.#log(process, message, error),
      },
      warnsOfUnknownEvents: false,
    });
    return new Started({ process, runtime, engine, environment, shared: this.#world.shared }, commands);
  }

  #end(): void {
    const ended = this.#current;
    this.#current = undefined;
    ended?.end();
    if (this.#startsAgain) this.#world.time.after(START_AGAIN_MS, () => this.restart());
    this.#startsAgain = false;
  }

  #note(what: string): void {
    this.#world.trace.note(this.name, what);
  }

  #log({ name }: SimulatedProcess, message: string, error: unknown): void {
    const why = error === undefined ? '' : ` (${error instanceof Error ? error.message : String(error)})`;
    this.#world.trace.note(name, `logs: ${message}${why}`);
  }
}

/** How soon a process that could not start is started again. Milliseconds. */
const START_AGAIN_MS = 200;
