import { EngineError } from '../../../kernel/values/index.js';
import { type DatabaseFile, type SqliteDatabase, sqliteError } from '../file/index.js';
import type { Statements } from './statements.js';

/** Runs write transactions, and knows what the failure of one means. */
export class Transactions {
  readonly #file: string;
  readonly #db: SqliteDatabase;
  readonly #statements: Statements;
  readonly #databaseFile: DatabaseFile | undefined;
  /** A sync of the log failed. How much of the log is on disk is unknown, and the next sync would not say. */
  #isLogDoubtful = false;

  /** @param databaseFile `undefined` for a database in memory. */
  constructor(file: string, db: SqliteDatabase, statements: Statements, databaseFile: DatabaseFile | undefined) {
    this.#file = file;
    this.#db = db;
    this.#statements = statements;
    this.#databaseFile = databaseFile;
  }

  /**
   * Runs a transaction. All of this is synchronous, so nothing interrupts it.
   *
   * @param failed called when what `work` wrote was rolled back.
   * @throws EngineError, or what SQLite throws before the `COMMIT`. In that case, nothing is stored.
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
      // Some errors have already rolled it back.
      if (this.#db.inTransaction) this.#statements.rollback.run();
    } catch {
      // The caller needs the first error, not the one of the rollback.
    }
  }

  /**
   * Writes the content of the log to the database's file and syncs that, before anything else is acknowledged. After a
   * failed sync, the system may regard the log's pages as written although they are not. Then a later sync would
   * succeed, and a power cut could still lose what it promised.
   */
  #emptyLog(): void {
    const [result] = this.#db.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
    if (result?.busy !== 0) {
      const why = 'a sync of the log failed, and another process keeps its content from being written to the database';
      const message = `${this.#file}: ${why}: try again`;
      throw new EngineError('DATABASE_BUSY', message, { retryable: true });
    }
    this.#isLogDoubtful = false;
  }
}

/** Whether a transaction is on disk when it ends, or only with the next one that is. */
export type Synchronous = 'FULL' | 'NORMAL';

function isFailedSync(error: unknown): boolean {
  return /FSYNC$/.test(String((error as { code?: unknown } | null)?.code));
}
