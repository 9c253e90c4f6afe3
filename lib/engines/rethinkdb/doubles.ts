import { EngineError } from '../../kernel/errors.js';
import type { Connections } from './connections.js';
import type { Reql, Term } from './driver.js';

interface Named {
  readonly id: string;
  readonly name: string;
}

/**
 * Servers that create a database or a table at the very same moment make two of one name. Of those the one with the lowest id stays: each node drops what it
 * created itself moments ago, and nothing else, so that what has data is never dropped. What is left of a node that died in between stays ambiguous.
 */
export class Doubles {
  readonly #r: Reql;
  readonly #connections: Connections;
  readonly #database: string;
  /** Ids of what was created here. */
  readonly #created = new Set<string>();

  constructor(r: Reql, connections: Connections, database: string) {
    this.#r = r;
    this.#connections = connections;
    this.#database = database;
  }

  /** Creates it unless it is there. */
  async create(term: Term): Promise<void> {
    try {
      const answer = await this.#connections.write<{ config_changes?: { new_val?: { id?: string } | null }[] }>(term);
      const id = answer.config_changes?.[0]?.new_val?.id;
      if (id !== undefined) this.#created.add(id);
    } catch (error) {
      if (!(error instanceof EngineError) || !/already exists/.test(error.message)) throw error;
    }
  }

  /** Drops what was created here and is there a second time. */
  async drop(): Promise<void> {
    if (this.#created.size === 0) return;
    await this.#dropFrom('db_config', { name: this.#database });
    await this.#dropFrom('table_config', { db: this.#database });
  }

  async #dropFrom(system: string, which: object): Promise<void> {
    const config = this.#r.db('rethinkdb').table(system);
    const all = await this.#connections.read<Named[]>(config.filter(which).pluck('id', 'name').coerceTo('array'));
    const seen = new Set<string>();
    for (const { id, name } of all.sort((a, b) => (a.id < b.id ? -1 : 1))) {
      if (seen.has(name) && this.#created.delete(id)) await this.#connections.write(config.get(id).delete());
      seen.add(name);
    }
  }
}
