import type { Cluster } from './cluster.js';
import { Table } from './table.js';
import { ReqlError } from './terms.js';

/** What one server knows of a database or table. */
interface Knowledge {
  readonly name: string;
  readonly isDropped: boolean;
  /** What is newer replaces what is older. */
  readonly version: number;
}

interface Named {
  readonly id: string;
  readonly name: string;
}

/**
 * Which databases and tables there are, as each server knows it: what one creates, renames or drops the others hear of a little later, so two of them can
 * create the same name.
 */
export class Catalog {
  readonly tables: Table[] = [];
  /** How long it takes until another server hears of something. Milliseconds. */
  delayMs: () => number;
  readonly #cluster: Cluster;
  readonly #databaseIds: string[] = [];
  readonly #known: readonly Map<string, Knowledge>[];

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#known = cluster.servers.map(() => new Map<string, Knowledge>());
    this.delayMs = () => cluster.chance.skewed(2, 100);
  }

  databases(server: number): Named[] {
    return this.#databaseIds.flatMap((id) => this.#seen(server, id));
  }

  tablesOf(server: number, databaseId: string): (Named & { readonly table: Table })[] {
    return this.tables
      .filter((table) => table.databaseId === databaseId)
      .flatMap((table) => this.#seen(server, table.id).map((named) => ({ ...named, table })));
  }

  createDatabase(server: number, name: string): string {
    if (this.databases(server).some((each) => each.name === name))
      throw new ReqlError('ReqlOpFailedError', `Database \`${name}\` already exists.`);
    const id = this.#cluster.chance.uuid();
    this.#databaseIds.push(id);
    this.#learn(server, id, { name, isDropped: false, version: 1 });
    return id;
  }

  /** As if it had been made long ago. */
  createDatabaseEverywhere(name: string): void {
    const id = this.createDatabase(0, name);
    for (const { index } of this.#cluster.servers) this.#learn(index, id, { name, isDropped: false, version: 1 });
  }

  createTable(server: number, databaseId: string, databaseName: string, name: string): Table {
    if (this.tablesOf(server, databaseId).some((each) => each.name === name))
      throw new ReqlError('ReqlOpFailedError', `Table \`${databaseName}.${name}\` already exists.`);
    const table = new Table(this.#cluster.chance.uuid(), databaseId, name, this.#cluster.servers.length);
    this.tables.push(table);
    this.#learn(server, table.id, { name, isDropped: false, version: 1 });
    return table;
  }

  drop(server: number, id: string): boolean {
    const [named] = this.#seen(server, id);
    if (!named) return false;
    this.#change(server, id, { name: named.name, isDropped: true });
    for (const table of this.tables) if (table.id === id || table.databaseId === id) table.drop();
    return true;
  }

  rename(server: number, id: string, name: string): boolean {
    if (this.#seen(server, id).length === 0) return false;
    this.#change(server, id, { name, isDropped: false });
    return true;
  }

  /** @throws ReqlError if there is none, or two. */
  database(server: number, name: string): Named {
    const found = this.databases(server).filter((each) => each.name === name);
    return one(found, `Database \`${name}\``, 'databases with that name.');
  }

  /** @throws ReqlError if there is none, or two. */
  table(server: number, database: string, name: string): Table {
    const { id } = this.database(server, database);
    const found = this.tablesOf(server, id).filter((each) => each.name === name);
    return one(found, `Table \`${database}.${name}\``, 'tables with that name in that database.').table;
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
    for (const [id, knowledge] of this.#known[from] ?? []) {
      if (this.#versionAt(to, id) >= knowledge.version) continue;
      this.#cluster.time.after(this.delayMs(), () => {
        if (this.#cluster.areLinked(from, to)) this.#learn(to, id, knowledge);
      });
    }
  }

  #change(server: number, id: string, change: Omit<Knowledge, 'version'>): void {
    this.#learn(server, id, { ...change, version: this.#versionAt(server, id) + 1 });
  }

  #learn(server: number, id: string, knowledge: Knowledge): void {
    if (this.#versionAt(server, id) < knowledge.version) this.#known[server]?.set(id, knowledge);
  }

  #versionAt(server: number, id: string): number {
    return this.#known[server]?.get(id)?.version ?? 0;
  }

  #seen(server: number, id: string): Named[] {
    const knowledge = this.#known[server]?.get(id);
    return knowledge && !knowledge.isDropped ? [{ id, name: knowledge.name }] : [];
  }
}

function one<T>(found: readonly T[], what: string, kind: string): T {
  const [first] = found;
  if (found.length > 1) throw new ReqlError('ReqlOpFailedError', `${what} is ambiguous; there are multiple ${kind}`);
  if (!first) throw new ReqlError('ReqlOpFailedError', `${what} does not exist.`);
  return first;
}
