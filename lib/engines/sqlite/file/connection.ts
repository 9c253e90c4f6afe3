import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Environment, sleep } from '../../../engine/environment/index.js';
import type { EngineError } from '../../../kernel/values/index.js';
import { assertNotLost, realPathOf } from './database-file.js';
import { loadDriver, type SqliteDatabase } from './driver.js';
import { MEMORY } from './options.js';
import { assertOurs, migrate } from './schema.js';
import { sqliteError } from './sqlite-errors.js';

/**
 * Opens the file, and creates or migrates its tables. Files that are not ours stay as they are. Where a database was
 * deleted, no new one is begun.
 */
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

/**
 * Longest time that the event loop is blocked for another process's write. Past that, the wait is asynchronous.
 * Milliseconds.
 */
const BLOCKING_WAIT_MS = 5;
/**
 * Longest asynchronous wait between two tries for the write lock. Each wait is a random part of it, so that processes
 * take turns. Milliseconds.
 */
const LOCK_RETRY_MS_MAX = 4;
/** Most that is kept of the write-ahead log's file once its content is in the database. Bytes. */
const LOG_BYTES_KEPT_MAX = 64 * 1024 * 1024;

/**
 * Runs `work` as soon as no other process is in its way. While it waits, the event loop is blocked for a few
 * milliseconds only.
 *
 * @throws EngineError; after `timeoutMs`, the one of the lock (`DATABASE_BUSY`).
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
  // Checked first, so that another program's file keeps its journal mode.
  assertOurs(db, file);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma(`journal_size_limit = ${LOG_BYTES_KEPT_MAX}`);
  migrate(db, file);
}

/**
 * SQLite often says only that it cannot open a file. The operating system knows whether the reason is a missing right.
 */
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
