import { codeOf, EngineError, isInstance, messageOf } from '../../../kernel/values/index.js';

/** Turns an error of SQLite or the operating system into an `EngineError` that says what to do. */
export function sqliteError(error: unknown, file: string, doing: Doing = 'reading'): EngineError {
  if (isInstance(error, EngineError)) return error;
  const said = codeOf(error) ?? '';
  const code = CODES.find(([prefix]) => said.startsWith(prefix))?.[1] ?? 'ENGINE_FAILED';
  const { advice, retryable, isNeverStored }: Advice = ADVICE[code];
  const outcomeUnknown = doing === 'committing' && !isNeverStored && !NEVER_STORED.has(said);
  const message = `${file}: ${advice} (${said || 'no code'}: ${messageOf(error)})`;
  return new EngineError(code, message, { cause: error, retryable, outcomeUnknown });
}

/** What was being done when it failed. Only what fails in the middle of a `COMMIT` may have been stored. */
export type Doing = 'reading' | 'writing' | 'committing';

interface Advice {
  readonly advice: string;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean;
  /** If a `COMMIT` ends with this error, nothing was stored, now or after a restart. */
  readonly isNeverStored?: true;
}

const ADVICE = {
  NOT_A_DATABASE: {
    advice: 'this is not an SQLite database: give the path of another file, or move this one away',
    retryable: false,
  },
  READ_ONLY: {
    advice: 'it can only be read: give this user the right to write to the file and its folder, or choose another path',
    retryable: false,
  },
  DATABASE_GONE: {
    advice: 'the database file was deleted, moved or replaced: put it back, or restore a backup and start again',
    retryable: false,
  },
  DISK_FULL: { advice: 'the disk is full; nothing that was stored is lost: make room', retryable: true },
  CORRUPT: {
    advice: 'the database is damaged: stop all processes and restore it from a backup',
    retryable: false,
  },
  CANNOT_OPEN: {
    advice: 'it cannot be opened or created: check the path, its folders and the rights on them',
    retryable: false,
  },
  DATABASE_BUSY: {
    advice: 'another process kept it locked for too long: try again, or raise busyTimeoutMs',
    retryable: true,
    isNeverStored: true,
  },
  EVENT_TOO_LARGE: {
    advice: 'an event is larger than SQLite can store (1 GB): split it, or store the data elsewhere',
    retryable: false,
    isNeverStored: true,
  },
  OUT_OF_MEMORY: { advice: 'there was not enough memory: give the process more', retryable: true },
  IO_ERROR: { advice: 'the disk failed: check the disk and its file system', retryable: true },
  ENGINE_FAILED: {
    advice: 'SQLite refused a statement: if nobody changed the tables, this is a bug',
    retryable: false,
  },
} as const satisfies Record<string, Advice>;

/**
 * How SQLite's codes (https://www.sqlite.org/rescode.html) and those of the operating system begin. The first that fits
 * counts.
 *
 * A `COMMIT` writes the commit to the log, syncs it, and then enters it in the log's index. If it fails at the sync or
 * later, a reader of the log finds the commit there after a crash. So every failed `COMMIT` has an unknown outcome,
 * except those of `NEVER_STORED`, and those that did not get a lock.
 */
const CODES: readonly (readonly [prefix: string, ours: keyof typeof ADVICE])[] = [
  // The file belongs to another program, or is not a database.
  ['SQLITE_NOTADB', 'NOT_A_DATABASE'],
  ['SQLITE_FORMAT', 'NOT_A_DATABASE'],
  ['SQLITE_READONLY_DBMOVED', 'DATABASE_GONE'],
  ['SQLITE_IOERR_VNODE', 'DATABASE_GONE'],
  // Missing rights.
  ['SQLITE_READONLY', 'READ_ONLY'],
  ['SQLITE_PERM', 'READ_ONLY'],
  ['EROFS', 'READ_ONLY'],
  ['EACCES', 'READ_ONLY'],
  ['EPERM', 'READ_ONLY'],
  // Missing space. The index of the write-ahead log needs some too.
  ['SQLITE_FULL', 'DISK_FULL'],
  ['SQLITE_IOERR_SHMSIZE', 'DISK_FULL'],
  ['ENOSPC', 'DISK_FULL'],
  ['EDQUOT', 'DISK_FULL'],
  // Content that is not what was written.
  ['SQLITE_CORRUPT', 'CORRUPT'],
  ['SQLITE_IOERR_DATA', 'CORRUPT'],
  ['SQLITE_IOERR_CORRUPTFS', 'CORRUPT'],
  // Wrong paths.
  ['SQLITE_CANTOPEN', 'CANNOT_OPEN'],
  ['ENOTDIR', 'CANNOT_OPEN'],
  ['EISDIR', 'CANNOT_OPEN'],
  ['ENAMETOOLONG', 'CANNOT_OPEN'],
  ['ELOOP', 'CANNOT_OPEN'],
  ['EEXIST', 'CANNOT_OPEN'],
  // Locks.
  ['SQLITE_BUSY', 'DATABASE_BUSY'],
  ['SQLITE_LOCKED', 'DATABASE_BUSY'],
  ['SQLITE_PROTOCOL', 'DATABASE_BUSY'],
  // Size and memory.
  ['SQLITE_TOOBIG', 'EVENT_TOO_LARGE'],
  ['SQLITE_NOMEM', 'OUT_OF_MEMORY'],
  ['SQLITE_IOERR_NOMEM', 'OUT_OF_MEMORY'],
  // The disk: reads, writes, syncs (`SQLITE_IOERR_FSYNC`), locks and maps that failed.
  ['SQLITE_IOERR', 'IO_ERROR'],
  ['EIO', 'IO_ERROR'],
  // Bugs of ours, or changed tables. No user can mend them, and trying again does not help.
  ['SQLITE_ERROR', 'ENGINE_FAILED'],
  ['SQLITE_INTERNAL', 'ENGINE_FAILED'],
  ['SQLITE_ABORT', 'ENGINE_FAILED'],
  ['SQLITE_INTERRUPT', 'ENGINE_FAILED'],
  ['SQLITE_NOTFOUND', 'ENGINE_FAILED'],
  ['SQLITE_EMPTY', 'ENGINE_FAILED'],
  ['SQLITE_SCHEMA', 'ENGINE_FAILED'],
  ['SQLITE_CONSTRAINT', 'ENGINE_FAILED'],
  ['SQLITE_MISMATCH', 'ENGINE_FAILED'],
  ['SQLITE_MISUSE', 'ENGINE_FAILED'],
  ['SQLITE_NOLFS', 'ENGINE_FAILED'],
  ['SQLITE_AUTH', 'ENGINE_FAILED'],
  ['SQLITE_RANGE', 'ENGINE_FAILED'],
];

/** The frame that ends a commit is written last. If there was no space for it, there is no commit. */
const NEVER_STORED: ReadonlySet<string> = new Set(['SQLITE_FULL']);

/** The codes that the table knows, for its spec. */
export const KNOWN_CODES: readonly string[] = CODES.map(([prefix]) => prefix);
