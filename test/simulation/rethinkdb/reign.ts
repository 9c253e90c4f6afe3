import type { Cluster } from './cluster.js';
import type { Feed } from './feeds.js';
import type { Table } from './table.js';
import { type Document, ReqlError } from './terms.js';

interface Waiter {
  readonly length: number;
  readonly resolve: () => void;
  readonly reject: (error: ReqlError) => void;
}

/** One server's time as the primary of a table: it takes all writes, and knows which of them a majority has. */
export class Reign {
  readonly table: Table;
  readonly epoch: number;
  readonly server: number;
  /** It knows, or whoever asks would find out, that another has taken its place. */
  isOver = false;
  readonly feeds = new Set<Feed>();
  readonly #cluster: Cluster;
  /** For each part, how much of it each server has acknowledged. */
  readonly #acked: number[][];
  readonly #committed: number[];
  readonly #waiters: Waiter[][];

  constructor(cluster: Cluster, table: Table, epoch: number, server: number) {
    this.#cluster = cluster;
    this.table = table;
    this.epoch = epoch;
    this.server = server;
    this.#acked = table.parts.map(() => cluster.servers.map(() => 0));
    this.#committed = table.parts.map(() => 0);
    this.#waiters = table.parts.map(() => []);
  }

  /** Changes a document here; others get it, and feeds tell of it, from now on. */
  append(part: number, key: string | number, document: Document | null | undefined, isHard: boolean): void {
    const copy = this.table.copyOf(part, this.server);
    const old = copy.documents.get(key) ?? null;
    copy.log.push({ key, document, isHard, epoch: this.epoch });
    copy.follow(copy.log, copy.log.length);
    if (document === undefined) return;
    for (const feed of this.feeds) feed.changed(key, old, document);
  }

  /** Sends what others have not acknowledged, and writes to the own disk. */
  spread(part: number): void {
    if (this.isOver) return;
    const { length } = this.table.copyOf(part, this.server);
    for (const { index } of this.#cluster.servers) {
      if ((this.#acked[part]?.[index] as number) < length) this.#sendTo(index, part, length);
    }
  }

  spreadAll(): void {
    for (const part of this.table.parts.keys()) this.spread(part);
  }

  #sendTo(server: number, part: number, length: number): void {
    const { log } = this.table.copyOf(part, this.server);
    this.#cluster.send(
      this.server,
      server,
      () => {
        if (!this.table.accepts(server, this)) return;
        const copy = this.table.copyOf(part, server);
        copy.follow(log, length);
        const from = this.#acked[part]?.[server] as number;
        const acknowledge = () => {
          this.#cluster.send(server, this.server, () => this.#acknowledged(part, server, length), false);
        };
        if (!copy.needsDisk(from, length)) acknowledge();
        else {
          this.#cluster.afterDisk(server, () => {
            if (copy.log !== log || !this.table.accepts(server, this)) return;
            copy.durable = Math.max(copy.durable, length);
            acknowledge();
          });
        }
      },
      false,
    );
  }

  #acknowledged(part: number, server: number, length: number): void {
    const acked = this.#acked[part] as number[];
    if (this.isOver || (acked[server] as number) >= length) return;
    acked[server] = length;
    const majority = [...acked].sort((a, b) => b - a)[acked.length >> 1] as number;
    const from = this.#committed[part] as number;
    if (majority <= from) return;
    this.#committed[part] = majority;
    this.#cluster.onCommitted(this, part, from, majority);
    const waiters = this.#waiters[part] as Waiter[];
    this.#waiters[part] = waiters.filter(({ length }) => length > majority);
    this.#cluster.time.resolved();
    for (const waiter of waiters) if (waiter.length <= majority) waiter.resolve();
  }

  /** When a majority has all that is here now. @throws ReqlError if it will never be known. */
  committed(part: number): Promise<void> {
    const { length } = this.table.copyOf(part, this.server);
    if (this.isOver) return Promise.reject(lostContact());
    if (length <= (this.#committed[part] as number)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters[part]?.push({ length, resolve, reject });
    });
  }

  /** It learns that another has taken its place, or is killed. */
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#cluster.time.resolved();
    for (const waiter of this.#waiters.flat()) waiter.reject(lostContact());
    for (const feed of this.feeds) feed.orphaned();
    this.feeds.clear();
  }
}

export function lostContact(): ReqlError {
  return new ReqlError('ReqlOpIndeterminateError', 'Cannot perform query: lost contact with primary replica');
}

export function notAvailable(): ReqlError {
  return new ReqlError('ReqlOpFailedError', 'Cannot perform query: primary replica for shard ["", +inf) not available');
}
