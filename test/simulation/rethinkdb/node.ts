import type { AppendRequest } from '../../../lib/engine/duties/append.js';
import { StoreFollower } from '../../../lib/engine/reading/store-follower.js';
import { StreamFollower } from '../../../lib/engine/reading/stream-follower.js';
import { appendWithRetry } from '../../../lib/engine/writing/append-retry.js';
import { connect, type Reql, type Term } from '../../../lib/engines/rethinkdb/connections/driver.js';
import { RethinkDbEngine } from '../../../lib/engines/rethinkdb/index.js';
import { EngineError } from '../../../lib/kernel/values/errors.js';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import type { Chance } from './chance.js';
import type { Ledger } from './ledger.js';
import { Machine } from './machine.js';
import type { Network } from './network.js';
import type { Sabotage } from './sabotage.js';
import { simulatedDriver } from './simulated-driver.js';

/** Streams that all nodes write to. */
export const STREAMS = ['a', 'b', 'c'];
const WRITERS = 2;

/** What a node that was killed had seen: the next one in its place goes on from there. */
export class Place {
  readonly name: string;
  readonly streams = new Map<string, EventRecord[]>(STREAMS.map((streamId) => [streamId, []]));
  readonly store: EventRecord[] = [];

  constructor(name: string) {
    this.name = name;
  }
}

/** One node: an engine, writers that use it, and followers, as the runtime has them. */
export class Node {
  readonly machine: Machine;
  readonly place: Place;
  isOpen = false;
  isWriting = true;
  /** Appends that have not ended yet. */
  underWay = 0;
  readonly #network: Network;
  readonly #chance: Chance;
  readonly #ledger: Ledger;
  readonly #sabotage: Sabotage | undefined;
  readonly #known = new Map<string, number>();
  #engine: RethinkDbEngine | undefined;

  constructor(network: Network, place: Place, ledger: Ledger, sabotage?: Sabotage) {
    this.#network = network;
    this.place = place;
    this.#ledger = ledger;
    this.#sabotage = sabotage;
    this.#chance = network.chance.fork();
    this.machine = new Machine(place.name, network.cluster.time, network.chance.fork());
  }

  get engine(): RethinkDbEngine {
    return this.#engine as RethinkDbEngine;
  }

  async start(): Promise<void> {
    const { servers } = this.#network.cluster;
    const options = {
      servers: this.#chance.shuffled(servers.map(({ name }) => ({ host: name }))),
      environment: this.machine,
      queryTimeoutMs: 2_000,
      connectTimeoutMs: 2_000,
      warn: () => {},
    };
    for (;;) {
      this.#engine = new RethinkDbEngine(options, () => simulatedDriver(this.#network, this.machine, this.#sabotage));
      try {
        if (this.#sabotage?.prepare) await this.#prepare(this.#sabotage.prepare);
        await this.#engine.open();
        break;
      } catch (error) {
        if (!(error instanceof EngineError && error.retryable)) {
          this.#ledger.fault(`node ${this.place.name} could not start`, error);
          return;
        }
        await this.#sleep(500);
      }
    }
    this.isOpen = true;
    for (const streamId of STREAMS) this.#follow(streamId);
    this.#followAll();
    for (let i = 0; i < WRITERS; i += 1) void this.#write();
  }

  /** By one connection, as the engine would. */
  async #prepare(prepare: NonNullable<Sabotage['prepare']>): Promise<void> {
    const r = await simulatedDriver(this.#network, this.machine);
    const host = this.#chance.pick(this.#network.cluster.servers).name;
    const connection = await connect(r, { host });
    const run = (query: (r: Reql) => unknown) => (query(r) as Term).run(connection);
    await prepare(run, (ms) => this.#sleep(ms)).catch(() => {});
  }

  kill(): void {
    this.machine.isDead = true;
    this.isOpen = false;
    this.#network.breakAll((connection) => connection.machine === this.machine);
  }

  #follow(streamId: string): void {
    const seen = this.place.streams.get(streamId) as EventRecord[];
    const follower = new StreamFollower(this.engine, streamId, {
      after: seen.length,
      environment: this.machine,
      onError: (error) => this.#ledger.fault(`a follower of stream ${streamId} on ${this.place.name} ended`, error),
      onEvents: (events) => {
        seen.push(...events);
        this.#know(streamId, seen.length);
      },
    });
    this.#know(streamId, seen.length);
    follower.start();
  }

  #followAll(): void {
    const seen = this.place.store;
    const follower = new StoreFollower(this.engine, {
      after: seen.at(-1)?.position ?? 0,
      environment: this.machine,
      onError: (error) => this.#ledger.fault(`a follower of the store on ${this.place.name} ended`, error),
      onEvents: (events) => {
        seen.push(...events);
      },
    });
    follower.start();
  }

  #know(streamId: string, version: number): void {
    this.#known.set(streamId, Math.max(this.#known.get(streamId) ?? 0, version));
  }

  async #write(): Promise<void> {
    for (;;) {
      await this.#sleep(this.#chance.skewed(5, 2_000));
      if (!this.isWriting) return;
      const burst = this.#chance.in(0.2) ? 1 + this.#chance.int(4) : 1;
      await Promise.all(Array.from({ length: burst }, () => this.append(this.#chance.pick(STREAMS))));
    }
  }

  /** Appends as an actor does: at the version that it knows, or at any. */
  async append(streamId: string): Promise<void> {
    const known = this.#known.get(streamId) ?? 0;
    const isAny = this.#chance.in(0.3);
    // Now and then a stale one, that stopped anywhere.
    const expected = this.#chance.in(0.05) ? this.#chance.int(known + 1) : known;
    const events = Array.from({ length: 1 + this.#chance.int(3) }, () => {
      const name = this.#chance.pick(['one', 'two']);
      return { id: this.machine.uuid(), name, data: '{}', metadata: '{}' };
    });
    const request: AppendRequest = { streamId, expectedVersion: isAny ? 'any' : expected, events };
    const entry = this.#ledger.sent(request);
    this.underWay += 1;
    try {
      const result = await appendWithRetry(this.engine, request, {
        lastSeenVersion: isAny ? known : expected,
        stopped: () => false,
        environment: this.machine,
      });
      if (result.kind === 'appended') {
        this.#ledger.stored(entry, result.version);
        if (result.version === known + 1) this.#know(streamId, known + events.length);
      } else {
        this.#ledger.refused(entry);
        if (result.events[0]?.version === expected + 1) this.#know(streamId, result.events.at(-1)?.version ?? 0);
      }
    } catch (error) {
      const isDoubtful = error instanceof EngineError && error.outcomeUnknown;
      if (!isDoubtful) this.#ledger.refused(entry);
      this.#ledger.failed(error);
    } finally {
      this.underWay -= 1;
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.machine.setTimeout(resolve, ms);
    });
  }
}
