import type { DriverConnection, DriverCursor } from '../../../lib/engines/rethinkdb/connections/driver.js';
import type { Feed } from './feeds.js';
import type { Machine } from './machine.js';
import { LATE_MS_MAX, type Network } from './network.js';
import { type Answer, Query } from './query.js';
import type { Ast } from './terms.js';

/** One connection of a node to a server, as the driver gives it. */
export class SimulatedConnection implements DriverConnection {
  open = true;
  readonly machine: Machine;
  readonly server: number;
  readonly #network: Network;
  readonly #listeners: (() => void)[] = [];

  constructor(network: Network, machine: Machine, server: number) {
    this.#network = network;
    this.machine = machine;
    this.server = server;
    network.add(this);
  }

  on(event: string, listener: () => void): this {
    if (event === 'close') this.#listeners.push(listener);
    return this;
  }

  async close(): Promise<void> {
    this.#end();
  }

  breaks(): void {
    if (!this.open) return;
    this.#end();
    this.machine.do(() => {
      for (const listener of this.#listeners) listener();
    });
  }

  #end(): void {
    this.open = false;
    this.#network.forget(this);
  }

  /** Sends a query. Its answer may be lost; the query itself too, or it may come when nobody expects it any more. */
  ask(ast: Ast): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (!this.open) {
        reject({ name: 'ReqlDriverError', msg: 'Connection is closed.' });
        return;
      }
      this.#toServer(() => {
        const query = new Query(this.#network.cluster, this.server, () => !this.open);
        query.answer(ast).then(
          (answer) => this.#toNode(() => resolve(this.#given(answer))),
          (error: unknown) => this.#toNode(() => reject(error)),
        );
      });
    });
  }

  #toServer(arrive: () => void): void {
    const { cluster, chance, faultRate } = this.#network;
    const path = this.#network.pathOf(this.machine.name, this.server);
    const isLost = path.swallowsQueries || chance.in(faultRate);
    if (isLost && chance.in(0.5)) return;
    const ms = isLost ? chance.skewed(200, LATE_MS_MAX) : this.#network.delayMs();
    this.#network.lateUntilMs = Math.max(this.#network.lateUntilMs, cluster.time.nowMs + ms);
    const { life } = cluster.server(this.server);
    cluster.time.after(ms, () => cluster.at(this.server, life, arrive));
  }

  #toNode(arrive: () => void): void {
    const { cluster, chance, faultRate } = this.#network;
    const path = this.#network.pathOf(this.machine.name, this.server);
    if (path.swallowsAnswers) return;
    if (chance.in(faultRate)) {
      if (chance.in(0.5)) this.breaks();
      return;
    }
    cluster.time.after(this.#network.delayMs(), () => {
      if (this.open) this.machine.do(arrive);
    });
  }

  #given(answer: Answer): unknown {
    if (answer.kind === 'value') return answer.value;
    if (answer.kind === 'feed') return this.#cursorOf(answer.feed);
    const { stream } = answer;
    return new StreamCursor((got, failed) => {
      stream.next().then(
        (rows) => this.#toNode(() => got(rows)),
        (error: unknown) => this.#toNode(() => failed(error)),
      );
    });
  }

  #cursorOf(feed: Feed): DriverCursor {
    const waiting: unknown[] = [];
    let each: ((error: unknown, item: unknown) => boolean | undefined) | undefined;
    let ended: (() => void) | undefined;
    feed.tell = (item) =>
      this.#toNode(() => {
        if (each) each(null, item);
        else waiting.push(item);
      });
    feed.ended = () => {
      feed.close();
      this.#toNode(() => {
        each?.({ name: 'ReqlOpFailedError', msg: 'Changefeed aborted (unavailable).' }, undefined);
        ended?.();
      });
    };
    return {
      each: (onItem, onEnd) => {
        each = onItem;
        ended = onEnd;
        for (const item of waiting.splice(0)) onItem(null, item);
      },
      close: async () => feed.close(),
    };
  }
}

/** Rows that come in pieces. */
class StreamCursor implements DriverCursor {
  readonly #next: (got: (rows: unknown[] | undefined) => void, failed: (error: unknown) => void) => void;
  #isClosed = false;

  constructor(next: (got: (rows: unknown[] | undefined) => void, failed: (error: unknown) => void) => void) {
    this.#next = next;
  }

  each(onItem: (error: unknown, item: unknown) => boolean | undefined, onEnd?: () => void): void {
    this.#next(
      (rows) => {
        if (this.#isClosed) return;
        if (!rows) {
          onEnd?.();
          return;
        }
        for (const row of rows) {
          if (onItem(null, row) === false) {
            this.#isClosed = true;
            return;
          }
        }
        this.each(onItem, onEnd);
      },
      (error) => {
        if (!this.#isClosed) onItem(error, undefined);
      },
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }
}
