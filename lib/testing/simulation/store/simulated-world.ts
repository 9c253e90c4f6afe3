import { ActiveFaults } from '../faults/active-faults.js';
import { SeededRandom } from '../world/seeded-random.js';
import { Trace } from '../world/trace.js';
import { VirtualTime } from '../world/virtual-time.js';
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
