import type { Cluster } from './cluster.js';
import { Table } from './table.js';
import { ReqlError } from './terms.js';

interface Database {
  readonly id: string;
  readonly name: string;
}

/**
 * Which databases and tables there are, as each server knows it: what one creates or drops the others hear of a little later, so two of them can create
 * the same name.
 */
export class Catalog {
  readonly tables: Table[] = [];
  readonly #cluster: Cluster;
  readonly #databases: Database[] = [];
  /** For each server, the ids of what it knows of, and of what it knows to have been dropped. */
  readonly #known: Set<string>[];
  readonly #dropped: Set<string>[];
  /** How long it takes until another server hears of something. Milliseconds. */
  delayMs: () => number;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#known = cluster.servers.map(() => new Set<string>());
    this.#dropped = cluster.servers.map(() => new Set<string>());
    this.delayMs = () => cluster.chance.skewed(2, 100);
  }

  databases(server: number): Database[] {
    return this.#databases.filter(({ id }) => this.#sees(server, id));
  }

  tablesOf(server: number, databaseId: string): Table[] {
    return this.tables.filter((table) => table.databaseId === databaseId && this.#sees(server, table.id));
  }

  createDatabase(server: number, name: string): Database {
    if (this.databases(server).some((each) => each.name === name))
      throw new ReqlError('ReqlOpFailedError', `Database \`${name}\` already exists.`);
    const database = { id: this.#cluster.chance.uuid(), name };
    this.#databases.push(database);
    this.#known[server]?.add(database.id);
    return database;
  }

  createTable(server: number, databaseId: string, databaseName: string, name: string): Table {
    if (this.tablesOf(server, databaseId).some((each) => each.name === name))
      throw new ReqlError('ReqlOpFailedError', `Table \`${databaseName}.${name}\` already exists.`);
    const table = new Table(this.#cluster.chance.uuid(), databaseId, name, this.#cluster.servers.length);
    this.tables.push(table);
    this.#known[server]?.add(table.id);
    return table;
  }

  drop(server: number, id: string): void {
    this.#dropped[server]?.add(id);
  }

  /** @throws ReqlError if there is none, or two. */
  database(server: number, name: string): Database {
    return one(
      this.databases(server).filter((each) => each.name === name),
      `Database \`${name}\``,
      'databases',
    );
  }

  /** @throws ReqlError if there is none, or two. */
  table(server: number, database: string, name: string): Table {
    const { id } = this.database(server, database);
    return one(
      this.tablesOf(server, id).filter((each) => each.name === name),
      `Table \`${database}.${name}\``,
      'tables',
    );
  }

  /** Servers tell each other what they know. */
  spread(): void {
    for (const from of this.#cluster.servers) {
      for (const to of this.#cluster.servers) {
        if (from !== to && this.#cluster.areLinked(from.index, to.index)) this.#tell(from.index, to.index);
      }
    }
  }

  #tell(from: number, to: number): void {
    for (const [sets, isNews] of [
      [this.#known, (id: string) => !this.#known[to]?.has(id)],
      [this.#dropped, (id: string) => !this.#dropped[to]?.has(id)],
    ] as const) {
      for (const id of sets[from] ?? []) {
        if (!isNews(id)) continue;
        this.#cluster.time.after(this.delayMs(), () => {
          if (this.#cluster.areLinked(from, to)) sets[to]?.add(id);
        });
      }
    }
  }

  #sees(server: number, id: string): boolean {
    return Boolean(this.#known[server]?.has(id)) && !this.#dropped[server]?.has(id);
  }
}

function one<T>(found: readonly T[], what: string, kind: string): T {
  const [first] = found;
  if (found.length > 1)
    throw new ReqlError('ReqlOpFailedError', `${what} is ambiguous; there are multiple ${kind} with that name.`);
  if (!first) throw new ReqlError('ReqlOpFailedError', `${what} does not exist.`);
  return first;
}
