import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Environment, sleep } from '../../../engine/environment/environment.js';
import type { EngineError } from '../../../kernel/values/errors.js';
import { assertNotLost, realPathOf } from './database-file.js';
import { loadDriver, type SqliteDatabase } from './driver.js';
import { MEMORY } from './options.js';
import { assertOurs, migrate } from './schema.js';
import { sqliteError } from './sqlite-errors.js';

/** Opens the file, creates or migrates what is in it, and leaves files that are not ours as they are. Where one was deleted, none is begun. */
export async function openDatabase(
  environment: Environment,
  file: string,
  busyTimeoutMs: number,
): Promise<SqliteDatabase> {
  const Database = await loadDriver();
  let db: SqliteDatabase | undefined;
  try {
    if (file !== MEMORY) {
      mkdirSync(dirname(file), { recursive: true });
      assertNotLost(file, realPathOf(file));
    }
    const opened = new Database(file, { timeout: BLOCKING_WAIT_MS });
    db = opened;
    await whenFree(environment, file, busyTimeoutMs, () => prepareFile(opened, file));
    return opened;
  } catch (error) {
    db?.close();
    throw openingError(error, file);
  }
}

/** Longest the event loop is blocked for another process's write; after that the wait is asynchronous. */
const BLOCKING_WAIT_MS = 5;
/** Longest asynchronous wait between two tries for the write lock; random up to this, so that processes take turns. */
const LOCK_RETRY_MS_MAX = 4;
/** What is kept of the write-ahead log's file once its content is in the database. */
const LOG_BYTES_KEPT_MAX = 64 * 1024 * 1024;

/**
 * Does `work` as soon as no other process is in its way: a few milliseconds of that the event loop is blocked, the rest it is free. Errors come
 * out as `EngineError`, after `timeoutMs` that of the lock.
 */
export async function whenFree<T>(
  environment: Environment,
  file: string,
  timeoutMs: number,
  work: () => T,
): Promise<T> {
  const deadlineMs = environment.monotonicMs() + timeoutMs;
  for (;;) {
    try {
      return work();
    } catch (error) {
      const known = sqliteError(error, file);
      if (known.code !== 'DATABASE_BUSY' || environment.monotonicMs() > deadlineMs) throw known;
    }
    await sleep(environment, environment.random() * LOCK_RETRY_MS_MAX);
  }
}

function prepareFile(db: SqliteDatabase, file: string): void {
  // First of all, so that another program's file keeps its journal mode.
  assertOurs(db, file);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma(`journal_size_limit = ${LOG_BYTES_KEPT_MAX}`);
  migrate(db, file);
}

/** SQLite often only says that it can't open a file; the operating system says whether that is because it can't be written to. */
function openingError(error: unknown, file: string): EngineError {
  const known = sqliteError(error, file);
  if (file === MEMORY || !['CANNOT_OPEN', 'IO_ERROR', 'ENGINE_FAILED'].includes(known.code)) return known;
  try {
    accessSync(existsSync(file) ? file : dirname(file), constants.W_OK);
    return known;
  } catch (denied) {
    const { code } = denied as { code?: unknown };
    return code === 'EROFS' || code === 'EACCES' ? sqliteError(denied, file) : known;
  }
}
