import { type Environment, sleep } from '../../../engine/environment/index.js';
import { EngineError } from '../../../kernel/values/index.js';
import type { Connections, Reql, Term } from '../connections/index.js';
import type { LayoutMark } from './layout-mark.js';

/**
 * Resolves duplicate names. Servers that create a database or a table at the same moment make two of the same name. The
 * one with the lowest id stays, unless the other is in use. Each node drops only what it created itself and nobody
 * uses, so that nothing with data is ever dropped. If a node dies in between, its duplicate stays, and the name stays
 * ambiguous.
 */
export class DuplicateNames {
  readonly #r: Reql;
  readonly #connections: Connections;
  readonly #database: string;
  readonly #mark: LayoutMark;
  readonly #environment: Environment;
  /** Ids of what was created here, each with the time since when it is known to be a duplicate. */
  readonly #created = new Map<string, number | undefined>();

  constructor(r: Reql, connections: Connections, database: string, mark: LayoutMark, environment: Environment) {
    this.#r = r;
    this.#connections = connections;
    this.#database = database;
    this.#mark = mark;
    this.#environment = environment;
  }

  /** Creates it, unless it exists. */
  async create(term: Term): Promise<void> {
    try {
      const answer = await this.#connections.write<{ config_changes?: { new_val?: { id?: string } | null }[] }>(term);
      const id = answer.config_changes?.[0]?.new_val?.id;
      if (id !== undefined) this.#created.set(id, undefined);
    } catch (error) {
      if (!(error instanceof EngineError) || !/already exists/.test(error.message)) throw error;
    }
  }

  /** Drops what was created here, exists a second time, and is used by nobody. */
  async drop(): Promise<void> {
    if (this.#created.size === 0) return;
    const databases = this.#config('db_config');
    for (const each of await this.#surplus(databases, { name: this.#database })) {
      await this.#drop(databases, each, (name) => this.#isDatabaseUnused(name));
    }
    const tables = this.#config('table_config');
    for (const each of await this.#surplus(tables, { db: this.#database })) {
      await this.#drop(tables, each, (name) => this.#isTableUnused(this.#database, name, each.name));
    }
  }

  /** Returns those of these that have to go. */
  async #surplus(config: Term, which: object): Promise<Named[]> {
    const all = await this.#connections.read<Named[]>(config.filter(which).pluck('id', 'name').coerceTo('array'));
    const nowMs = this.#environment.monotonicMs();
    return all.filter(({ id, name }) => {
      if (!this.#created.has(id)) return false;
      const others = all.filter((other) => other.name === name && other.id !== id);
      const sinceMs = others.length > 0 ? (this.#created.get(id) ?? nowMs) : undefined;
      this.#created.set(id, sinceMs);
      if (sinceMs === undefined) return false;
      return others.some((other) => other.id < id) || nowMs - sinceMs > OTHERS_MS_MAX;
    });
  }

  /** Renames it first, so that it can be looked into. Others that use the old name find the one that stays. */
  async #drop(config: Term, { id, name }: Named, isUnused: (name: string) => Promise<boolean>): Promise<void> {
    const own = config.get(id);
    const ownName = `${name}_${id.replaceAll('-', '')}`;
    await this.#connections.write(own.update({ name: ownName }));
    let isDropped = false;
    try {
      await sleep(this.#environment, NAMED_MS);
      if (await isUnused(ownName)) {
        await this.#connections.write(own.delete());
        isDropped = true;
        this.#created.delete(id);
      }
    } finally {
      if (!isDropped) await this.#connections.write(own.update({ name }));
    }
  }

  async #isDatabaseUnused(database: string): Promise<boolean> {
    const tables = await this.#connections.read<string[]>(this.#r.db(database).tableList());
    // The first table is the one through which all others come into use.
    const sorted = tables.sort((a, b) => Number(b === 'checkpoints') - Number(a === 'checkpoints'));
    for (const table of sorted) if (!(await this.#isTableUnused(database, table, table))) return false;
    return true;
  }

  /** @param kind the name that it was created with. */
  async #isTableUnused(database: string, table: string, kind: string): Promise<boolean> {
    if (kind === 'checkpoints') return this.#mark.abandon(database, table);
    return this.#connections.read<boolean>(this.#r.db(database).table(table, { readMode: 'majority' }).isEmpty());
  }

  #config(table: string): Term {
    return this.#r.db('rethinkdb').table(table);
  }
}

/** How long it may take until every server knows a new name. Milliseconds. */
const NAMED_MS = 500;
/**
 * How long the creator of a duplicate waits for another node to drop its own, if that is the other's task: it may
 * already be in use. Milliseconds.
 */
const OTHERS_MS_MAX = 5_000;

interface Named {
  readonly id: string;
  readonly name: string;
}
