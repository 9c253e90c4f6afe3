import type { Chance } from './chance.js';
import type { Cluster } from './cluster.js';
import type { Machine } from './machine.js';

/** How a node and a server hear of each other now. */
export interface Path {
  /** Connections break, and none can be made. */
  isCut: boolean;
  /** What the node says never comes, or comes when its connection has long been given up. */
  swallowsQueries: boolean;
  /** What the server says never comes. */
  swallowsAnswers: boolean;
}

/** One end of a connection. */
export interface Breakable {
  readonly machine: Machine;
  readonly server: number;
  /** It is cut: this end hears of it. */
  breaks(): void;
}

/** How late a query may be that was taken for lost. Milliseconds. */
export const LATE_MS_MAX = 20_000;

/** Everything between the nodes and the servers. */
export class Network {
  readonly cluster: Cluster;
  readonly chance: Chance;
  /** How many of all queries are lost, or late, or lose their answers. */
  faultRate = 0;
  /** When the last of all that was sent to a server will have come. */
  lateUntilMs = 0;
  readonly #paths = new Map<string, Path>();
  readonly #connections = new Set<Breakable>();

  constructor(cluster: Cluster, chance: Chance) {
    this.cluster = cluster;
    this.chance = chance;
  }

  pathOf(node: string, server: number): Path {
    const key = `${node} ${server}`;
    const path = this.#paths.get(key) ?? { isCut: false, swallowsQueries: false, swallowsAnswers: false };
    this.#paths.set(key, path);
    return path;
  }

  heal(): void {
    this.#paths.clear();
    this.faultRate = 0;
  }

  cut(node: string, server: number): void {
    this.pathOf(node, server).isCut = true;
    for (const connection of this.#connections) {
      if (connection.machine.name === node && connection.server === server) connection.breaks();
    }
  }

  /** All connections to a server that was killed, or of a node that was. */
  breakAll(isMeant: (connection: Breakable) => boolean): void {
    for (const connection of this.#connections) if (isMeant(connection)) connection.breaks();
  }

  /** Tries to connect: tells of an error, or of nothing if it can. */
  connect(machine: Machine, server: number, opened: (error?: unknown) => void): void {
    const path = this.pathOf(machine.name, server);
    this.cluster.time.after(this.delayMs(), () => {
      const { isDown, isFrozen } = this.cluster.server(server);
      if (isFrozen || path.swallowsQueries || path.swallowsAnswers) return;
      machine.do(() => {
        if (isDown || path.isCut) {
          opened({ name: 'ReqlDriverError', msg: `Could not connect to s${server}` });
          return;
        }
        opened();
      });
    });
  }

  add(connection: Breakable): void {
    this.#connections.add(connection);
  }

  forget(connection: Breakable): void {
    this.#connections.delete(connection);
  }

  delayMs(): number {
    return this.chance.skewed(0.1, this.chance.in(0.05) ? 200 : 3) * this.cluster.slowness;
  }
}
