import { EngineError } from '../../kernel/errors.js';

/** What is used of better-sqlite3, so that its types are needed by nobody who uses another engine. */
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
  /** Rows as arrays instead of objects: half the cost. */
  raw(): SqliteStatement;
  pluck(): SqliteStatement;
}

export type OpenSqlite = new (file: string, options: { timeout: number }) => SqliteDatabase;

/** Loads the driver when it is first needed: who uses another engine need not install it. */
export async function loadDriver(): Promise<OpenSqlite> {
  try {
    const driver = (await import('better-sqlite3')) as unknown as { default: OpenSqlite };
    // The package looks for its compiled part only now, and package managers that ask before they run install scripts leave it out.
    new driver.default(':memory:', { timeout: 0 }).close();
    return driver.default;
  } catch (cause) {
    throw new EngineError(
      'DRIVER_MISSING',
      "the SQLite engine needs the package 'better-sqlite3', which is not installed, was not compiled when it was installed, or was built for " +
        "another Node version: run 'npm install better-sqlite3@12', allow its install script if your package manager asks for that, and " +
        "'npm rebuild better-sqlite3'; or choose another engine in EventSourcingModule.forRoot({ engine })",
      { cause },
    );
  }
}

/** Turns what SQLite says into what to do about it. */
export function sqliteError(error: unknown, file: string): EngineError {
  if (error instanceof EngineError) return error;
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  const known = KNOWN.find(([prefix]) => code.startsWith(prefix));
  const [, ours, advice, flags] = known ?? ['', 'ENGINE_FAILED', 'SQLite failed', {}];
  const why = error instanceof Error ? error.message : String(error);
  return new EngineError(ours, `${file}: ${advice} (${code || 'no code'}: ${why})`, { cause: error, ...flags });
}

const KNOWN: readonly (readonly [string, string, string, { retryable?: boolean; outcomeUnknown?: boolean }])[] = [
  [
    'SQLITE_NOTADB',
    'NOT_A_DATABASE',
    'this is not an SQLite database: give the path of another file, or move this one away',
    {},
  ],
  [
    'SQLITE_READONLY',
    'READ_ONLY',
    'file or folder can only be read: give this user the right to write to both, or give another path',
    {},
  ],
  [
    'SQLITE_FULL',
    'DISK_FULL',
    'the disk is full: nothing of this commit was stored and nothing stored is lost; make room',
    { retryable: true },
  ],
  ['SQLITE_CORRUPT', 'CORRUPT', 'the database is damaged: stop all processes and restore it from a backup', {}],
  [
    'SQLITE_CANTOPEN',
    'CANNOT_OPEN',
    'the file cannot be opened: look at the path and at the rights on it and its folder',
    {},
  ],
  ['SQLITE_BUSY', 'DATABASE_BUSY', 'another process kept the database locked for too long', { retryable: true }],
  ['SQLITE_LOCKED', 'DATABASE_BUSY', 'another connection kept a table locked for too long', { retryable: true }],
  ['SQLITE_TOOBIG', 'EVENT_TOO_LARGE', 'an event is larger than SQLite can store (1 GB)', {}],
  ['SQLITE_IOERR', 'IO_ERROR', 'the disk failed', { retryable: true, outcomeUnknown: true }],
];
