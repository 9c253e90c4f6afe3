import { ActiveFaults } from '../faults/index.js';
import { SeededRandom, Trace, VirtualTime } from '../world/index.js';
import { SimulatedStore } from './simulated-store.js';

/** What everything simulated in one course shares. */
export class World {
  readonly time = new VirtualTime();
  readonly trace = new Trace(() => this.time.nowMs);
  readonly faults = new ActiveFaults();
  /** What belongs to the application. */
  readonly shared = new Map<string, unknown>();
  readonly random: SeededRandom;
  readonly store: SimulatedStore;

  constructor(seed: number) {
    this.random = new SeededRandom(`seed ${seed}`);
    this.store = new SimulatedStore(this.time, this.random.fork('store'), this.trace);
  }
}
