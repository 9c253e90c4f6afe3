import { EngineError } from '../../../kernel/values/errors.js';
import { codeOf, isInstance, messageOf } from '../../../kernel/values/thrown.js';

/** Turns what SQLite or the operating system says into what to do about it. */
export function sqliteError(error: unknown, file: string, doing: Doing = 'reading'): EngineError {
  if (isInstance(error, EngineError)) return error;
  const said = codeOf(error) ?? '';
  const code = CODES.find(([prefix]) => said.startsWith(prefix))?.[1] ?? 'ENGINE_FAILED';
  const { advice, retryable, isNeverStored }: Advice = ADVICE[code];
  const outcomeUnknown = doing === 'committing' && !isNeverStored && !NEVER_STORED.has(said);
  const message = `${file}: ${advice} (${said || 'no code'}: ${messageOf(error)})`;
  return new EngineError(code, message, { cause: error, retryable, outcomeUnknown });
}

/** What was being done when it failed. Only what fails in the middle of a `COMMIT` may be stored all the same. */
export type Doing = 'reading' | 'writing' | 'committing';

interface Advice {
  readonly advice: string;
  /** The same call may succeed later, without anybody's mending the call. */
  readonly retryable: boolean;
  /** A `COMMIT` that ends with it has stored nothing, now or after a restart. */
  readonly isNeverStored?: true;
}

const ADVICE = {
  NOT_A_DATABASE: {
    advice: 'this is not an SQLite database: give the path of another file, or move this one away',
    retryable: false,
  },
  READ_ONLY: {
    advice: 'it can only be read: give this user the right to write to file and folder, or give another path',
    retryable: false,
  },
  DATABASE_GONE: {
    advice: 'the database file was deleted, moved or replaced: put it back, or restore a backup and start again',
    retryable: false,
  },
  DISK_FULL: { advice: 'the disk is full; nothing stored is lost: make room', retryable: true },
  CORRUPT: {
    advice: 'the database is damaged: stop all processes and restore it from a backup',
    retryable: false,
  },
  CANNOT_OPEN: {
    advice: 'it cannot be opened or made: look at the path, its folders and the rights on them',
    retryable: false,
  },
  DATABASE_BUSY: { advice: 'another process kept it locked for too long', retryable: true, isNeverStored: true },
  EVENT_TOO_LARGE: {
    advice: 'an event is larger than SQLite can store (1 GB)',
    retryable: false,
    isNeverStored: true,
  },
  OUT_OF_MEMORY: { advice: 'there was no memory left: give the process more', retryable: true },
  IO_ERROR: { advice: 'the disk failed', retryable: true },
  ENGINE_FAILED: { advice: 'SQLite failed', retryable: false },
} as const satisfies Record<string, Advice>;

/**
 * How the codes of SQLite begin (https://www.sqlite.org/rescode.html), and those of the operating system; the first that fits counts. A `COMMIT` writes the
 * commit to the log, syncs it, and then enters it in the log's index: if it fails at the sync or later, whoever reads the log after a crash finds the
 * commit in it. So every failure of a `COMMIT` leaves in doubt what became of it, but for those of `NEVER_STORED` and for a lock that was not got.
 */
const CODES: readonly (readonly [prefix: string, ours: keyof typeof ADVICE])[] = [
  // Somebody else's file, or none.
  ['SQLITE_NOTADB', 'NOT_A_DATABASE'],
  ['SQLITE_FORMAT', 'NOT_A_DATABASE'],
  ['SQLITE_READONLY_DBMOVED', 'DATABASE_GONE'],
  ['SQLITE_IOERR_VNODE', 'DATABASE_GONE'],
  // Rights.
  ['SQLITE_READONLY', 'READ_ONLY'],
  ['SQLITE_PERM', 'READ_ONLY'],
  ['EROFS', 'READ_ONLY'],
  ['EACCES', 'READ_ONLY'],
  ['EPERM', 'READ_ONLY'],
  // Room. The index of the write-ahead log needs some too.
  ['SQLITE_FULL', 'DISK_FULL'],
  ['SQLITE_IOERR_SHMSIZE', 'DISK_FULL'],
  ['ENOSPC', 'DISK_FULL'],
  ['EDQUOT', 'DISK_FULL'],
  // Content that is not what was written.
  ['SQLITE_CORRUPT', 'CORRUPT'],
  ['SQLITE_IOERR_DATA', 'CORRUPT'],
  ['SQLITE_IOERR_CORRUPTFS', 'CORRUPT'],
  // Paths.
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
  // Faults of ours, or of whoever changed the tables: nothing that a user could do, or that trying again would mend.
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

/** The frame that ends a commit is the last that is written: where there was no room for it there is no commit. */
const NEVER_STORED: ReadonlySet<string> = new Set(['SQLITE_FULL']);

/** The codes that the table knows, for its spec. */
export const KNOWN_CODES: readonly string[] = CODES.map(([prefix]) => prefix);
