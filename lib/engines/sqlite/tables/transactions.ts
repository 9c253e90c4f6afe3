import { EngineError } from '../../../kernel/values/errors.js';
import type { DatabaseFile } from '../file/database-file.js';
import type { SqliteDatabase } from '../file/driver.js';
import { sqliteError } from '../file/sqlite-errors.js';
import type { Statements } from './statements.js';

/** Runs write transactions, and knows what it means when one fails. */
export class Transactions {
  readonly #file: string;
  readonly #db: SqliteDatabase;
  readonly #statements: Statements;
  readonly #databaseFile: DatabaseFile | undefined;
  /** A sync of the log failed: nobody knows what of it is on disk, and the next sync would not say. */
  #isLogDoubtful = false;

  /** @param databaseFile `undefined` for a database in memory. */
  constructor(file: string, db: SqliteDatabase, statements: Statements, databaseFile: DatabaseFile | undefined) {
    this.#file = file;
    this.#db = db;
    this.#statements = statements;
    this.#databaseFile = databaseFile;
  }

  /**
   * All of this is synchronous, so it never ends in the middle.
   *
   * @param failed called when what `work` wrote is gone.
   * @throws EngineError, or what SQLite throws before it commits: nothing is stored then.
   */
  run<T>(work: () => T, synchronous: Synchronous, failed: () => void): T {
    this.#databaseFile?.assertThere();
    if (this.#isLogDoubtful) this.#emptyLog();
    const result = synchronous === 'FULL' ? this.#run(work, failed) : this.#runUnsynced(work, failed);
    this.#databaseFile?.assertStored();
    return result;
  }

  #runUnsynced<T>(work: () => T, failed: () => void): T {
    this.#db.pragma('synchronous = NORMAL');
    try {
      return this.#run(work, failed);
    } finally {
      this.#db.pragma('synchronous = FULL');
    }
  }

  #run<T>(work: () => T, failed: () => void): T {
    const { begin, commit } = this.#statements;
    let isCommitting = false;
    begin.run();
    try {
      const result = work();
      isCommitting = true;
      commit.run();
      return result;
    } catch (error) {
      failed();
      this.#rollBack();
      this.#isLogDoubtful ||= isFailedSync(error);
      throw isCommitting ? sqliteError(error, this.#file, 'committing') : error;
    }
  }

  #rollBack(): void {
    try {
      // Some errors have rolled it back already.
      if (this.#db.inTransaction) this.#statements.rollback.run();
    } catch {
      // What made it fail is what the caller has to know.
    }
  }

  /**
   * After a failed sync the system may take the log's pages for written though they are not, so that a later sync succeeds and a power cut still loses what it
   * promised. They are written once more, to the database's file, and synced there, before anything else is acknowledged.
   */
  #emptyLog(): void {
    const [result] = this.#db.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
    if (result?.busy !== 0) {
      const message = `${this.#file}: a sync failed, and another process keeps the log from being written anew: it is tried again`;
      throw new EngineError('DATABASE_BUSY', message, { retryable: true });
    }
    this.#isLogDoubtful = false;
  }
}

/** Whether a transaction is on disk when it ends, or with the next one that is. */
export type Synchronous = 'FULL' | 'NORMAL';

function isFailedSync(error: unknown): boolean {
  return /FSYNC$/.test(String((error as { code?: unknown } | null)?.code));
}
