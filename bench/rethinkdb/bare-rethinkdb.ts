/// <reference path="../../lib/engines/rethinkdb/connections/rethinkdb-module.d.ts" />
import { randomUUID } from 'node:crypto';
import rethinkdb from 'rethinkdb';
import { metadata } from '../bare-sqlite.js';

/** What is used of the driver here; it brings no types along. */
interface Term {
  table(name: string, options?: object): Term;
  get(key: string): Term;
  tableCreate(name: string, options?: object): Term;
  insert(documents: unknown, options?: object): Term;
  between(low: string, high: string, options?: object): Term;
  orderBy(by: object): Term;
  limit(count: number): Term;
  changes(options: object): Term;
  coerceTo(type: string): Term;
  run(connection: Connection): Promise<unknown>;
}
interface Connection {
  close(): Promise<unknown>;
}
interface Driver {
  connect(options: object): Promise<Connection>;
  dbCreate(name: string): Term;
  db(name: string): Term;
  json(text: string): Term;
}

const r = rethinkdb as Driver;
const DATABASE = 'bare';

/** The bare driver on a table of its own: the same documents that the engine writes, with nothing around them. */
export class BareRethinkDb {
  readonly #connection: Connection;
  readonly #address: object;
  #batches = 0;
  #waiting: { document: object; done: () => void }[] = [];
  #writing = false;

  private constructor(connection: Connection, address: object) {
    this.#connection = connection;
    this.#address = address;
  }

  static async open(address: { host: string; port: number }): Promise<BareRethinkDb> {
    const options = { host: address.host, port: address.port };
    const connection = await r.connect(options);
    await r.dbCreate(DATABASE).run(connection);
    await r.db(DATABASE).tableCreate('commits', { durability: 'hard' }).run(connection);
    return new BareRethinkDb(connection, options);
  }

  /** One commit; all that wait at the same time go in one insert. */
  commit(stream: string, version: number, payload: string, events = 1): Promise<void> {
    return new Promise((done) => {
      this.#waiting.push({ document: documentOf(stream, version, payload, events), done });
      if (this.#writing) return;
      this.#writing = true;
      setImmediate(() => void this.#writeAll());
    });
  }

  /** Reads one stream whole and parses the payloads. */
  async sumOf(stream: string): Promise<number> {
    let sum = 0;
    for (let version = 1; ; ) {
      const page = (await r
        .db(DATABASE)
        .table('commits')
        .between(keyOf(stream, version), keyOf(stream, Number.MAX_SAFE_INTEGER))
        .orderBy({ index: 'id' })
        .limit(1_000)
        .coerceTo('array')
        .run(this.#connection)) as { last: number; events: { data: string }[] }[];
      const last = page.at(-1);
      if (!last) return sum;
      for (const { events } of page) for (const { data } of events) sum += (JSON.parse(data) as { by: number }).by;
      version = last.last + 1;
    }
  }

  /** Reads everything in the order of its keys and parses payloads and metadata. */
  async sumOfAll(): Promise<number> {
    let sum = 0;
    for (let after = ''; ; ) {
      const page = (await r
        .db(DATABASE)
        .table('commits')
        .between(after, '\uffff', { leftBound: 'open' })
        .orderBy({ index: 'id' })
        .limit(10)
        .coerceTo('array')
        .run(this.#connection)) as { id: string; events: { data: string; metadata: string }[] }[];
      const last = page.at(-1);
      if (!last) return sum;
      for (const { data, metadata } of page.flatMap(({ events }) => events)) {
        const { actor } = JSON.parse(metadata) as { actor: string };
        if (actor === 'Meter') sum += (JSON.parse(data) as { by: number }).by;
      }
      after = last.id;
    }
  }

  /** Asks, time and again, until a majority has this commit. */
  async readable(stream: string, version: number): Promise<void> {
    const table = r.db(DATABASE).table('commits', { readMode: 'majority' });
    while (!(await table.get(keyOf(stream, version)).run(this.#connection))) {}
  }

  /** Calls `seen` for every commit that another connection hears of. */
  async watch(seen: () => void): Promise<() => Promise<unknown>> {
    const connection = await r.connect(this.#address);
    const feed = (await r.db(DATABASE).table('commits').changes({ squash: false }).run(connection)) as {
      each(heard: (error: unknown) => void): void;
    };
    feed.each((error) => {
      if (!error) seen();
    });
    return () => connection.close();
  }

  get batches(): number {
    return this.#batches;
  }

  close(): Promise<unknown> {
    return this.#connection.close();
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, 256);
      this.#batches += 1;
      const documents = r.json(JSON.stringify(batch.map(({ document }) => document)));
      await r.db(DATABASE).table('commits').insert(documents, { durability: 'hard' }).run(this.#connection);
      for (const { done } of batch) done();
    }
    this.#writing = false;
  }
}

function keyOf(stream: string, version: number): string {
  return `${stream}:${String(version).padStart(16, '0')}`;
}

function documentOf(stream: string, version: number, data: string, count: number): object {
  const events = Array.from({ length: count }, () => ({
    id: randomUUID(),
    name: 'counted',
    data,
    metadata: metadata(),
  }));
  return { id: keyOf(stream, version), stream, first: version, last: version + count - 1, events };
}
