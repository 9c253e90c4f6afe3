import { EngineError } from '../../kernel/errors.js';
import { codeOf, isInstance, messageOf } from '../../kernel/thrown.js';

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

/** Turns what SQLite or the operating system says into what to do about it. */
export function sqliteError(error: unknown, file: string): EngineError {
  if (isInstance(error, EngineError)) return error;
  const said = codeOf(error) ?? '';
  const code = CODES.find(([prefix]) => said.startsWith(prefix))?.[1] ?? 'ENGINE_FAILED';
  const { advice, ...flags } = ADVICE[code];
  const why = messageOf(error);
  return new EngineError(code, `${file}: ${advice} (${said || 'no code'}: ${why})`, { cause: error, ...flags });
}

const ADVICE = {
  NOT_A_DATABASE: { advice: 'this is not an SQLite database: give the path of another file, or move this one away' },
  READ_ONLY: {
    advice: 'it can only be read: give this user the right to write to file and folder, or give another path',
  },
  DISK_FULL: { advice: 'the disk is full; nothing stored is lost: make room', retryable: true },
  CORRUPT: { advice: 'the database is damaged: stop all processes and restore it from a backup' },
  CANNOT_OPEN: { advice: 'it cannot be opened or made: look at the path, its folders and the rights on them' },
  DATABASE_BUSY: { advice: 'another process kept it locked for too long', retryable: true },
  EVENT_TOO_LARGE: { advice: 'an event is larger than SQLite can store (1 GB)' },
  IO_ERROR: { advice: 'the disk failed', retryable: true, outcomeUnknown: true },
  ENGINE_FAILED: { advice: 'SQLite failed' },
} as const;

/** How the codes of SQLite (and of the operating system) begin. */
const CODES: readonly (readonly [prefix: string, ours: keyof typeof ADVICE])[] = [
  ['SQLITE_NOTADB', 'NOT_A_DATABASE'],
  ['SQLITE_READONLY', 'READ_ONLY'],
  ['EROFS', 'READ_ONLY'],
  ['EACCES', 'READ_ONLY'],
  ['SQLITE_FULL', 'DISK_FULL'],
  ['ENOSPC', 'DISK_FULL'],
  // No room for the index of the write-ahead log.
  ['SQLITE_IOERR_SHMSIZE', 'DISK_FULL'],
  ['SQLITE_CORRUPT', 'CORRUPT'],
  ['SQLITE_CANTOPEN', 'CANNOT_OPEN'],
  ['ENOTDIR', 'CANNOT_OPEN'],
  ['ENAMETOOLONG', 'CANNOT_OPEN'],
  ['ELOOP', 'CANNOT_OPEN'],
  ['EEXIST', 'CANNOT_OPEN'],
  ['SQLITE_BUSY', 'DATABASE_BUSY'],
  ['SQLITE_LOCKED', 'DATABASE_BUSY'],
  ['SQLITE_PROTOCOL', 'DATABASE_BUSY'],
  ['SQLITE_TOOBIG', 'EVENT_TOO_LARGE'],
  ['SQLITE_IOERR', 'IO_ERROR'],
];
