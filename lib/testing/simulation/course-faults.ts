import type { SimulatedNode } from './cluster/index.js';
import { type Fault, type FaultName, planFaults } from './faults/index.js';
import type { World } from './store/index.js';

/** The faults of one course: when each begins and ends, and that all end together. */
export class CourseFaults {
  readonly #world: World;
  readonly #nodes: readonly SimulatedNode[];
  readonly #leftOut: ReadonlySet<string>;
  #faults: readonly Fault[] = [];

  constructor(world: World, nodes: readonly SimulatedNode[], leftOut: ReadonlySet<string>) {
    this.#world = world;
    this.#nodes = nodes;
    this.#leftOut = leftOut;
  }

  get ids(): string[] {
    return this.#faults.map(({ id }) => id);
  }

  schedule(names: readonly FaultName[], untilMs: number): void {
    const { time, random } = this.#world;
    const planned = planFaults({ names, random: random.fork('faults'), nodes: this.#nodes.length, untilMs });
    this.#faults = planned.filter(({ id }) => !this.#leftOut.has(id));
    for (const fault of this.#faults) {
      time.at(fault.atMs, () => this.#begin(fault));
      if (fault.untilMs < untilMs) time.at(fault.untilMs, () => this.#end(fault));
    }
  }

  /** Ends every fault. */
  heal(): void {
    this.#world.trace.note('all', 'everything heals');
    for (const fault of this.#faults) this.#end(fault);
    for (const node of this.#nodes) {
      node.thaw();
      node.cut('in', false);
      node.cut('out', false);
      node.restart();
    }
  }

  #begin(fault: Fault): void {
    const where = fault.node === undefined ? '' : ` (n${fault.node + 1})`;
    this.#world.trace.note('all', `fault '${fault.id}' begins${where}`);
    this.#world.faults.begin(fault);
    fault.kind.begin?.(this.#nodes, fault, {
      stallLog: (untilMs) => {
        this.#world.store.logStallsUntilMs = untilMs;
      },
    });
  }

  #end(fault: Fault): void {
    if (!this.#world.faults.end(fault)) return;
    this.#world.trace.note('all', `fault '${fault.id}' ends`);
    fault.kind.end?.(this.#nodes, fault);
  }
}
