import { EngineError } from '../../../kernel/values/index.js';

/**
 * The part of better-sqlite3 that is used here. It is declared so that users of another engine need not have its types.
 */
export interface SqliteDatabase {
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
  pragma(sql: string, options?: { simple?: boolean }): unknown;
  close(): unknown;
  readonly inTransaction: boolean;
}

export interface SqliteStatement {
  run(...parameters: unknown[]): { changes: number; lastInsertRowid: number | bigint };
  get(...parameters: unknown[]): unknown;
  all(...parameters: unknown[]): unknown[];
  /** Gives rows as arrays instead of objects, at half the cost. */
  raw(): SqliteStatement;
  pluck(): SqliteStatement;
}

export type OpenSqlite = new (file: string, options: { timeout: number }) => SqliteDatabase;

/** Loads the driver when it is first needed, so that users of another engine need not install it. */
export async function loadDriver(): Promise<OpenSqlite> {
  try {
    const driver = (await import('better-sqlite3')) as unknown as { default: OpenSqlite };
    // The package loads its compiled part only now. Package managers that ask before they run install scripts may have
    // left it out.
    new driver.default(':memory:', { timeout: 0 }).close();
    return driver.default;
  } catch (cause) {
    throw new EngineError(
      'DRIVER_MISSING',
      "the SQLite engine needs the package 'better-sqlite3', which is not installed, was not compiled, or was compiled for " +
        "another Node version: run 'npm install better-sqlite3@12', allow its install script if your package manager asks, " +
        "and run 'npm rebuild better-sqlite3'; or choose another engine in EventSourcingModule.forRoot({ engine })",
      { cause },
    );
  }
}
