import { MemoryStore } from 'omniscient-nest/memory';
import { defineActor } from '../../lib/kernel/defining/actor-definition.js';
import { Ids } from '../../lib/kernel/values/clock.js';
import { Runtime } from '../../lib/runtime/node/runtime.js';
import type { ActorRepository } from '../../lib/runtime/refs/actor-repository.js';
import { Metronome } from './one-actors.js';
import { silent } from './runtime.js';
import { randomFrom } from './seed.js';
import { type ScheduleWeather, VirtualEngine } from './virtual-engine.js';
import { VIRTUAL_START_MS, VirtualMachine, VirtualTime } from './virtual-time.js';

export const HEARTBEAT_TIMEOUT_MS = 2_000;
/** What docs/production.md promises, whatever became of the schedule, beside the interval itself. */
export const REPAIR_MS_MAX = HEARTBEAT_TIMEOUT_MS + 5_000;
/** For messages and writes on their way. */
export const ON_THE_WAY_MS = 500;

const STREAM = 'm';

export interface VirtualNode {
  readonly machine: VirtualMachine;
  readonly engine: VirtualEngine;
  readonly runtime: Runtime;
  readonly metronomes: ActorRepository<Metronome>;
  readonly startedAtMs: number;
}

/** A `$ticking` or `tick` as it is stored, with the true time at which it was fired. */
export interface Beat {
  readonly name: '$ticking' | 'tick';
  readonly everyMs?: number | null;
  readonly count?: number | null;
  readonly n: number;
  readonly missed: number;
  readonly firedAtMs: number;
  readonly storedAtMs: number;
  readonly atMs: number;
  readonly by: string;
}

/** Remembers when each id was given. */
class TimedIds extends Ids {
  constructor(
    private readonly machine: VirtualMachine,
    private readonly time: VirtualTime,
    private readonly givenAtMs: Map<string, number>,
  ) {
    super();
  }

  next(): string {
    const id = this.machine.uuid();
    this.givenAtMs.set(id, this.time.nowMs);
    return id;
  }
}

/** Several nodes with one ticking actor, in virtual time; all that is random comes from a seed. */
export class TickCourse {
  readonly time = new VirtualTime();
  readonly store = new MemoryStore();
  readonly random: () => number;
  readonly weather: ScheduleWeather = { slow: 0, refused: 0, late: 0, twice: 0, lateMs: 3_000 };
  readonly nodes: VirtualNode[] = [];
  /** Those that have gone included. */
  readonly all: VirtualNode[] = [];
  /** What happened, for whoever has to understand it. */
  readonly told: string[] = [];
  readonly #firedAtMs = new Map<string, number>();
  readonly #landedAtMs = new Map<string, number>();
  #machines = 0;

  constructor(seed: number) {
    this.random = randomFrom(seed);
  }

  tell(what: string): void {
    this.told.push(`${(this.time.nowMs / 1_000).toFixed(3)} ${what}`);
  }

  /** From `from` to below `to`. */
  between(from: number, to: number): number {
    return from + this.random() * (to - from);
  }

  oneOf<T>(some: readonly T[]): T {
    return some[Math.floor(this.random() * some.length)] as T;
  }

  get running(): VirtualNode[] {
    return this.nodes.filter(({ machine }) => machine.runs);
  }

  async start(aheadMs = 0): Promise<VirtualNode> {
    this.#machines += 1;
    const machine = new VirtualMachine(`n${this.#machines}`, this.time, this.random);
    machine.aheadMs = aheadMs;
    this.tell(`${machine.name} starts, its clock ${Math.round(aheadMs)} ms ahead`);
    const engine = new VirtualEngine(this.store, this.time, machine, this.random, this.weather, this.#landedAtMs);
    const runtime = new Runtime({
      engine,
      nodeId: machine.name,
      environment: machine,
      ids: new TimedIds(machine, this.time, this.#firedAtMs),
      log: silent,
      heartbeatTimeoutMs: HEARTBEAT_TIMEOUT_MS,
      passivateAfterMs: 4_000,
      snapshotEvery: this.oneOf([0, 3]),
    });
    await runtime.start();
    const metronomes = runtime.register<Metronome>(defineActor(Metronome), () => new Metronome());
    const node = { machine, engine, runtime, metronomes, startedAtMs: this.time.nowMs };
    this.nodes.push(node);
    this.all.push(node);
    return node;
  }

  /** Gives commands to the actor on this node, one after the other; what fails is told. */
  give(node: VirtualNode, ...commands: (readonly ['begin' | 'end' | 'beginAndFail', ...number[]])[]): void {
    const { machine, metronomes } = node;
    const failed = (what: string) => (error: Error) => this.tell(`${machine.name} ${what} failed: ${error.message}`);
    machine.run(() => {
      void (async () => {
        const ref = await metronomes.get(STREAM);
        for (const [name, ...args] of commands) {
          const what = `${name}(${args})`;
          this.tell(`${machine.name} ${what}`);
          // Some are given at once, others when the one before is stored.
          const given = (ref[name] as (...args: number[]) => Promise<void>)(...args).catch(failed(what));
          if (this.random() < 0.5) await given;
        }
      })().catch(failed('loading'));
    });
  }

  /** Loads it there, as a mere look does. */
  look({ machine, metronomes }: VirtualNode): void {
    machine.run(() => void metronomes.get(STREAM).catch(() => {}));
  }

  kill({ machine }: VirtualNode): void {
    this.tell(`${machine.name} is killed`);
    machine.isDead = true;
  }

  freeze({ machine }: VirtualNode): void {
    this.tell(`${machine.name} is frozen`);
    machine.isFrozen = true;
  }

  thaw({ machine }: VirtualNode): void {
    if (!machine.isFrozen) return;
    this.tell(`${machine.name} is thawed`);
    machine.thaw();
  }

  setClock({ machine }: VirtualNode, byMs: number): void {
    this.tell(`the clock of ${machine.name} is set by ${Math.round(byMs)} ms`);
    machine.aheadMs += byMs;
  }

  /** Ends a node as it should be. */
  leave(node: VirtualNode): void {
    const { machine, runtime } = node;
    this.tell(`${machine.name} leaves`);
    machine.run(() => {
      void runtime.stop().then(() => {
        machine.isDead = true;
      });
    });
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  beats(): Beat[] {
    const events = this.store.streams.get(STREAM) ?? [];
    return events.flatMap(({ id, name, data, metadata }) => {
      if (name !== 'tick' && name !== '$ticking') return [];
      const { at, firedBy } = JSON.parse(metadata) as { at: string; firedBy: { nodeId: string } };
      const firedAtMs = this.#firedAtMs.get(id) as number;
      const storedAtMs = this.#landedAtMs.get(id) as number;
      const { n = 0, missed = 0, ...rest } = JSON.parse(data);
      const atMs = Date.parse(at) - VIRTUAL_START_MS;
      return [{ name, n, missed, ...rest, firedAtMs, storedAtMs, atMs, by: firedBy.nodeId } as Beat];
    });
  }

  /** How its stream says that it ticks now. */
  ticking(): { everyMs: number } | undefined {
    return this.#fold().ticking;
  }

  /** Every tick, with the one before, or with the start. */
  steps(): { tick: Beat; before: Beat; everyMs: number }[] {
    return this.#fold().steps;
  }

  #fold() {
    const steps: { tick: Beat; before: Beat; everyMs: number }[] = [];
    let ticking: { everyMs: number; count: number | null; last: Beat } | undefined;
    for (const beat of this.beats()) {
      if (beat.name === 'tick') {
        if (!ticking) throw new Error(`tick ${beat.n} of ${beat.by} was stored while it did not tick`);
        steps.push({ tick: beat, before: ticking.last, everyMs: ticking.everyMs });
        ticking = ticking.count !== null && beat.n >= ticking.count ? undefined : { ...ticking, last: beat };
      } else if (typeof beat.everyMs !== 'number') ticking = undefined;
      else if (ticking?.everyMs !== beat.everyMs || ticking.count !== beat.count) {
        ticking = { everyMs: beat.everyMs, count: beat.count ?? null, last: beat };
      }
    }
    return { ticking, steps };
  }

  /** Who owns its schedule. */
  owner(): string | undefined {
    return [...this.store.schedules.values()][0]?.owner;
  }

  lastFiredAtMs(): number {
    return this.beats().at(-1)?.firedAtMs ?? 0;
  }
}
