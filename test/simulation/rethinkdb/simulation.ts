import { setImmediate } from 'node:timers';
import { Chance } from './chance.js';
import { check, truthOf } from './checks.js';
import { Cluster } from './cluster.js';
import { FAULTS } from './faults.js';
import { Ledger } from './ledger.js';
import { Network } from './network.js';
import { Node, Place, STREAMS } from './node.js';
import type { Sabotage } from './sabotage.js';
import { VirtualTime } from './virtual-time.js';

/** How long there are faults. Milliseconds. */
const FAULTS_MS_MIN = 1_000;
const FAULTS_MS_MAX = 8_000;
/** Longest that a fault lasts. Milliseconds. */
const UNDONE_MS_MAX = 4_000;
/** How soon every append has ended, once all is well. Milliseconds. */
const ANSWERED_MS_MAX = 30_000;
/** How soon every stored event has its position, and everybody has seen it: a sweep waits a minute for what may be under way. Milliseconds. */
const PLACED_MS_MAX = 90_000;

export interface SimulationOptions {
  readonly seed: number;
  readonly nodes?: number;
  readonly servers?: number;
  /** All nodes start at once on servers that have nothing yet. */
  readonly isFresh?: boolean;
  /** How long it may take until another server hears of a new table, where all start at once. Milliseconds. Default: up to 500. */
  readonly gossipMs?: number;
  /** The database is there already, and every server knows it. */
  readonly hasDatabase?: boolean;
  /** The only faults there are. Default: some of all, drawn. */
  readonly kinds?: readonly (keyof typeof FAULTS)[];
  /** Longest time between two faults. Milliseconds. Default: drawn. */
  readonly pauseMsMax?: number;
  readonly sabotage?: Sabotage;
}

export interface Course {
  readonly seed: number;
  readonly faults: readonly string[];
  /** What was done to it. */
  readonly story: readonly string[];
  readonly appended: number;
  readonly stored: number;
  readonly calls: number;
  readonly virtualMs: number;
}

/** Nodes on a cluster of RethinkDB servers, everything that can go wrong, and what must be true of it all the same. */
export class Simulation {
  readonly time = new VirtualTime();
  readonly chance: Chance;
  readonly cluster: Cluster;
  readonly network: Network;
  readonly ledger = new Ledger(this.time);
  readonly story: string[] = [];
  nodes: Node[] = [];
  readonly #options: SimulationOptions;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.chance = new Chance(options.seed);
    this.cluster = new Cluster(this.time, this.chance.fork(), options.servers ?? 3);
    this.network = new Network(this.cluster, this.chance.fork());
    this.cluster.onCommitted = ({ table, server }, part, from, to) => {
      const { log } = table.copyOf(part, server);
      for (let i = from; i < to; i += 1) this.ledger.committed(table, log[i]?.document);
    };
  }

  async run(): Promise<Course> {
    const undo = this.#options.sabotage?.patch?.();
    try {
      return await this.#run();
    } finally {
      undo?.();
    }
  }

  async #run(): Promise<Course> {
    await this.#begin();
    if (!this.#options.isFresh) await this.#trouble();
    else await this.time.runUntil(this.time.nowMs + 3_000);
    await this.#mend();
    const truth = await this.#settle();
    check(truth, this.ledger, this.nodes);
    for (const node of this.nodes) node.kill();
    return {
      seed: this.#options.seed,
      faults: this.ledger.faults,
      story: this.story,
      appended: this.ledger.all.filter(({ version }) => version !== undefined).length,
      stored: truth.store.length,
      calls: this.time.calls,
      virtualMs: Math.round(this.time.nowMs),
    };
  }

  /** Another node takes the place of one that was killed. */
  replace(old: Node): void {
    if (!this.nodes.includes(old)) return;
    const node = new Node(this.network, old.place, this.ledger, this.#options.sabotage);
    this.nodes = this.nodes.map((each) => (each === old ? node : each));
    void node.start();
  }

  note(what: string): void {
    this.story.push(`${(this.time.nowMs / 1_000).toFixed(3)} s ${what}`);
  }

  async #begin(): Promise<void> {
    const names = Array.from({ length: this.#options.nodes ?? 3 }, (_, i) => `n${i}`);
    this.nodes = names.map((name) => new Node(this.network, new Place(name), this.ledger, this.#options.sabotage));
    if (this.#options.isFresh) return this.#beginTogether();
    const [first, ...others] = this.nodes;
    // Tables are made by one; what comes of it when all make them at once is another simulation's.
    void first?.start();
    await this.#until(() => first?.isOpen === true, 30_000);
    for (const node of others) void node.start();
    await this.#until(() => this.nodes.every(({ isOpen }) => isOpen), 30_000);
  }

  /** What one server creates, the others hear of late. */
  async #beginTogether(): Promise<void> {
    const { chance, cluster } = this;
    if (this.#options.hasDatabase) cluster.catalog.createDatabaseEverywhere('omniscient');
    const slowestMs = this.#options.gossipMs ?? chance.skewed(5, 500);
    cluster.catalog.delayMs = () => chance.between(1, slowestMs);
    cluster.slowness = chance.skewed(1, 10);
    const startsMs = chance.pick([5, 100, 2_000, this.#options.gossipMs ?? 500]);
    for (const node of this.nodes) this.time.after(chance.between(0, startsMs), () => void node.start());
    await this.#until(() => this.nodes.every(({ isOpen }) => isOpen), 60_000);
    cluster.slowness = 1;
  }

  async #trouble(): Promise<void> {
    const { chance } = this;
    const endMs = this.time.nowMs + chance.between(FAULTS_MS_MIN, FAULTS_MS_MAX);
    const drawnMs = chance.skewed(200, 3_000);
    const pauseMs = this.#options.pauseMsMax ?? drawnMs;
    const drawn = chance.shuffled(Object.keys(FAULTS)).slice(0, 2 + chance.int(Object.keys(FAULTS).length));
    const kinds = this.#options.kinds ?? drawn;
    while (this.time.nowMs < endMs) {
      await this.time.runUntil(this.time.nowMs + chance.between(0, pauseMs));
      const kind = chance.pick(kinds);
      const fault = FAULTS[kind]?.(this, chance);
      this.note(`${kind}, for ${Math.round(fault?.ms ?? 0)} ms`);
      if (fault) this.time.after(fault.ms, fault.undo);
    }
    // Until all that was to be undone is undone.
    await this.time.runUntil(this.time.nowMs + UNDONE_MS_MAX);
  }

  async #mend(): Promise<void> {
    this.cluster.heal();
    this.network.heal();
    this.cluster.slowness = 1;
    this.note('all is well');
    for (const { index } of this.cluster.servers) {
      this.cluster.start(index);
      this.cluster.thaw(index);
    }
    for (const node of this.nodes) {
      node.machine.thaw();
      node.isWriting = false;
      if (node.machine.isDead) this.replace(node);
    }
    const isAnswered = await this.#until(
      () => this.nodes.every(({ isOpen, underWay }) => isOpen && underWay === 0),
      ANSWERED_MS_MAX,
    );
    if (!isAnswered) {
      const left = this.nodes.map(({ place, isOpen, underWay }) => `${place.name} ${isOpen ? underWay : 'not open'}`);
      this.ledger.fault(`not answered ${ANSWERED_MS_MAX} ms after all was well: ${left.join(', ')}`);
    }
    // Everybody can do everything again.
    for (const node of this.nodes) if (node.isOpen) for (const streamId of STREAMS) void node.append(streamId);
    await this.#until(() => this.nodes.every(({ underWay }) => underWay === 0), ANSWERED_MS_MAX);
  }

  async #settle() {
    const isSettled = () => {
      const { unplaced, store, announcements } = truthOf(this.cluster);
      const isSeen = this.nodes.every(({ place }) => place.store.length >= store.length);
      return unplaced.length === 0 && announcements === 0 && isSeen;
    };
    // What comes late may be announced only then.
    await this.time.runUntil(Math.max(this.time.nowMs, this.network.lateUntilMs));
    await this.#until(isSettled, PLACED_MS_MAX);
    // What goes wrong only now.
    await this.time.runUntil(this.time.nowMs + 3_000);
    return truthOf(this.cluster, (what) => this.ledger.fault(what));
  }

  async #until(condition: () => boolean, ms: number): Promise<boolean> {
    const endMs = this.time.nowMs + ms;
    while (!condition() && this.time.nowMs < endMs) await this.time.runUntil(Math.min(endMs, this.time.nowMs + 250));
    await new Promise((resolve) => setImmediate(resolve));
    return condition();
  }
}

export function simulate(options: SimulationOptions): Promise<Course> {
  return new Simulation(options).run();
}
