import Database from 'better-sqlite3';
import { EventHandler, Projection, type ProjectionCheckpoint, type StoredEvent } from 'omniscient-nest';

/** Longest that a handler waits for another process's transaction; the event is tried again after that. Milliseconds. */
const BUSY_MS_MAX = 300;

const TABLES = `
  CREATE TABLE IF NOT EXISTS models (generation INTEGER PRIMARY KEY, position INTEGER NOT NULL, serves INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS lines (generation INTEGER NOT NULL, position INTEGER NOT NULL, token TEXT NOT NULL);
`;

/** A read model in a database of its own, which stores the checkpoint with every line. Nothing in it forbids a line that is there twice. */
@Projection()
export class Ledger {
  readonly #db: Database.Database;

  constructor(file: string) {
    this.#db = new Database(file, { timeout: BUSY_MS_MAX });
    this.#db.pragma('journal_mode = WAL');
    this.#db.exec(TABLES);
  }

  loadCheckpoint(generation: number): number | undefined {
    return this.#db.prepare('SELECT position FROM models WHERE generation = ?').pluck().get(generation) as
      | number
      | undefined;
  }

  onServe(generation: number): void {
    this.#db.transaction(() => {
      const serving = this.#db.prepare('SELECT max(generation) FROM models WHERE serves = 1').pluck().get();
      if (Number(serving ?? 0) > generation) return;
      this.#db.prepare('INSERT OR IGNORE INTO models VALUES (?, 0, 0)').run(generation);
      this.#db.prepare('UPDATE models SET serves = (generation = ?)').run(generation);
      this.#db.prepare('DELETE FROM lines WHERE generation < ?').run(generation);
    })();
  }

  @EventHandler()
  said({ token }: { token: string }, _event: StoredEvent, { generation, position }: ProjectionCheckpoint): void {
    this.#db
      .transaction(() => {
        this.#db.prepare('INSERT OR IGNORE INTO models VALUES (?, 0, 0)').run(generation);
        const moved = this.#db
          .prepare('UPDATE models SET position = ? WHERE generation = ? AND position < ?')
          .run(position, generation, position);
        if (moved.changes > 0) this.#db.prepare('INSERT INTO lines VALUES (?, ?, ?)').run(generation, position, token);
      })
      .immediate();
  }
}

/** Tokens of a read model, in the order in which they were written. */
export function linesOf(file: string, generation: number): string[] {
  const db = new Database(file, { readonly: true });
  try {
    const lines = db.prepare('SELECT token FROM lines WHERE generation = ? ORDER BY rowid').pluck();
    return lines.all(generation) as string[];
  } finally {
    db.close();
  }
}
