import { Catalog } from './catalog.js';
import type { Chance } from './chance.js';
import { Reign } from './reign.js';
import type { Table } from './table.js';
import type { VirtualTime } from './virtual-time.js';

/** How often servers look whether all is well among them. Milliseconds. */
const LOOK_MS = 250;

export interface Server {
  readonly index: number;
  readonly name: string;
  isDown: boolean;
  isFrozen: boolean;
  /** How often it was started: what was under way in an earlier life is gone. */
  life: number;
  readonly held: (() => void)[];
}

interface Pending {
  readonly from: number;
  readonly to: number;
  readonly fail: () => void;
}

/**
 * The servers of one RethinkDB cluster, in one process and on virtual time.
 *
 * What it takes from RethinkDB's documentation ("Consistency guarantees") and from Jepsen's reports on it: a write is applied on the primary and
 * acknowledged when a majority of replicas has it, hard ones on disk. Before that `single` reads and changefeeds of that primary show it, and it may be
 * rolled back by a failover, or survive it. A `majority` read shows nothing that could be rolled back, and everything that was acknowledged before it
 * began. An operation is atomic for one document; a query is not, it comes to its parts one after another. Of a query that fails indeterminately
 * nobody knows what was done. A primary that was replaced may not know it, and goes on answering `single` reads. A changefeed ignores the read mode,
 * and ends, with an error or without, when the primary changes.
 */
export class Cluster {
  readonly servers: readonly Server[];
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly catalog: Catalog;
  /** Told of every entry that a majority has, in the order in which its primary knows. */
  onCommitted: (reign: Reign, part: number, from: number, to: number) => void = () => {};
  /** Which pairs of servers hear nothing of each other. */
  readonly #cut = new Set<string>();
  readonly #pending = new Set<Pending>();
  /** Since when each table has had no primary that does its work. */
  readonly #headless = new Map<Table, number>();
  /** Factor by which everything takes longer: a busy machine. */
  slowness = 1;

  constructor(time: VirtualTime, chance: Chance, size: number) {
    this.time = time;
    this.chance = chance;
    this.servers = Array.from({ length: size }, (_, index) => {
      return { index, name: `s${index}`, isDown: false, isFrozen: false, life: 0, held: [] };
    });
    this.catalog = new Catalog(this);
    this.#lookLater();
  }

  get tables(): readonly Table[] {
    return this.catalog.tables;
  }

  /** Brings something from one server to another, some time later, if it can. */
  send(from: number, to: number, arrive: () => void, mayResolve = true): void {
    const { life } = this.server(to);
    if (from === to) {
      this.at(to, life, arrive);
      return;
    }
    const bring = () => {
      if (!this.#isCut(from, to)) this.at(to, life, arrive);
    };
    this.time.after(this.chance.skewed(0.1, 8) * this.slowness, bring, mayResolve);
  }

  /** Does this on a server, if it still lives the same life; when it is thawed, if it is frozen. */
  at(to: number, life: number, work: () => void): void {
    const server = this.server(to);
    if (server.isDown || server.life !== life) return;
    if (server.isFrozen) server.held.push(() => this.at(to, life, work));
    else work();
  }

  afterDisk(index: number, done: () => void): void {
    const { life } = this.server(index);
    this.time.after(this.chance.skewed(0.5, 20) * this.slowness, () => this.at(index, life, done), false);
  }

  /** Asks one server from another. @param failed made when the two lose contact before there is an answer. */
  ask<T>(from: number, to: number, answer: () => Promise<T> | T, failed: () => Error): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const pending = { from, to, fail: () => reject(failed()) };
      this.#pending.add(pending);
      const back = (end: () => void) =>
        this.send(to, from, () => {
          this.#pending.delete(pending);
          end();
        });
      this.send(from, to, () => {
        const asked = new Promise<T>((done) => done(answer()));
        asked.then(
          (value) => back(() => resolve(value)),
          (error: unknown) => back(() => reject(error)),
        );
      });
    });
  }

  kill(index: number): void {
    const server = this.server(index);
    server.isDown = true;
    server.isFrozen = false;
    server.held.length = 0;
    server.life += 1;
    for (const table of this.tables) {
      for (const part of table.parts) table.copyOf(part, index).lose();
      const reign = table.viewOf(index);
      if (reign?.server === index) reign.end();
    }
  }

  start(index: number): void {
    this.server(index).isDown = false;
  }

  freeze(index: number): void {
    this.server(index).isFrozen = true;
  }

  thaw(index: number): void {
    const server = this.server(index);
    server.isFrozen = false;
    for (const work of server.held.splice(0)) this.time.after(0, work);
  }

  cut(one: number, other: number): void {
    this.#cut.add(pairOf(one, other));
  }

  heal(): void {
    this.#cut.clear();
  }

  /** The servers choose a new primary for a table, if a majority is there. */
  elect(table: Table): boolean {
    if (table.isDropped) return false;
    const there = this.chance.shuffled(this.servers.filter((server) => !server.isDown && !server.isFrozen));
    const [first] = there;
    if (!first) return false;
    const quorum = there.filter(({ index }) => index === first.index || !this.#isCut(first.index, index));
    const majority = (this.servers.length >> 1) + 1;
    if (quorum.length < majority) return false;
    this.#crown(
      table,
      quorum.slice(0, majority).map(({ index }) => index),
    );
    return true;
  }

  /** What these, a majority, have of the table is what is left of it: all that was acknowledged, and some of what was not. */
  #crown(table: Table, voters: readonly number[]): void {
    const primary = this.chance.pick(voters);
    table.epoch += 1;
    const reign = new Reign(this, table, table.epoch, primary);
    for (const voter of voters) table.fence(voter, table.epoch);
    for (const part of table.parts) {
      const copies = voters.map((voter) => table.copyOf(part, voter));
      const best = copies.reduce((one, other) =>
        other.lastEpoch > one.lastEpoch || (other.lastEpoch === one.lastEpoch && other.length > one.length)
          ? other
          : one,
      );
      const own = table.copyOf(part, primary);
      own.follow(best.log.slice(0, best.length), best.length);
    }
    table.reign = reign;
    table.learn(primary, reign);
    this.#tell(table);
    reign.spreadAll();
  }

  /** The others learn who is primary, sooner or later. */
  #tell(table: Table): void {
    const { reign } = table;
    if (!reign) return;
    for (const { index } of this.servers) {
      if (table.viewOf(index)?.epoch === reign.epoch) continue;
      this.time.after(this.chance.skewed(1, 800) * this.slowness, () =>
        this.send(reign.server, index, () => table.learn(index, reign)),
      );
    }
  }

  #lookLater(): void {
    this.time.after(LOOK_MS, () => {
      this.#look();
      this.#lookLater();
    });
  }

  #look(): void {
    for (const pending of this.#pending) {
      const isLost = this.#isOutOfReach(pending.from, pending.to);
      if (!isLost || this.chance.in(0.7)) continue;
      this.#pending.delete(pending);
      const { life } = this.server(pending.from);
      this.at(pending.from, life, pending.fail);
    }
    for (const table of this.tables) if (!table.isDropped) this.#lookAt(table);
    this.catalog.spread();
  }

  #lookAt(table: Table): void {
    const { reign } = table;
    if (reign && !reign.isOver && this.#reaches(reign.server)) {
      this.#headless.delete(table);
      reign.spreadAll();
      this.#tell(table);
      return;
    }
    const sinceMs = this.#headless.get(table) ?? this.time.nowMs;
    this.#headless.set(table, sinceMs);
    const isDue = !reign || this.time.nowMs - sinceMs > this.chance.between(300, 4_000);
    if (isDue && this.elect(table)) this.#headless.delete(table);
  }

  /** Whether a majority is in its reach, itself included. */
  #reaches(index: number): boolean {
    const reached = this.servers.filter((other) => !this.#isOutOfReach(index, other.index));
    return reached.length > this.servers.length / 2;
  }

  #isOutOfReach(from: number, to: number): boolean {
    const isAway = (index: number) => this.server(index).isDown || this.server(index).isFrozen;
    return isAway(from) || isAway(to) || this.#isCut(from, to);
  }

  #isCut(one: number, other: number): boolean {
    return this.#cut.has(pairOf(one, other));
  }

  /** Whether these two hear of each other now. */
  areLinked(one: number, other: number): boolean {
    return !this.#isOutOfReach(one, other);
  }

  server(index: number): Server {
    return this.servers[index] as Server;
  }
}

function pairOf(one: number, other: number): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}
