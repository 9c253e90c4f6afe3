import { resolve } from 'node:path';
import type { Environment } from '../../../engine/environment/index.js';
import { assertNumber, TIMER_OR_NONE } from '../../../kernel/defining/index.js';
import { RegistrationError } from '../../../kernel/values/index.js';

/** The options of `new SqliteEngine()`. All have a default. */
export interface SqliteEngineOptions {
  /**
   * The path of the database file. The file and its folder are created when missing. `':memory:'` is a store in memory,
   * for this engine alone, and gone when it is closed. Default `./data/events.db`.
   */
  file?: string;
  /**
   * How long a write waits for other processes' writes, in milliseconds. Then it fails with `DATABASE_BUSY`, which is
   * `retryable`. Default 5,000.
   */
  busyTimeoutMs?: number;
  /** Where time, timers and randomness come from; a simulation gives its own. Default: the machine. */
  environment?: Environment;
}

/** SQLite's name for a database in memory. */
export const MEMORY = ':memory:';

const DEFAULT_FILE = './data/events.db';
const DEFAULT_BUSY_TIMEOUT_MS = 5_000;

/** Returns the absolute path, or `MEMORY`. @throws RegistrationError (`INVALID_OPTION`). */
export function checkedFile(file: unknown = DEFAULT_FILE): string {
  if (file === MEMORY) return MEMORY;
  if (typeof file !== 'string') throw refused(`a ${typeof file}`);
  // For an empty name, SQLite makes a temporary file and deletes it again.
  if (file.trim() === '') throw refused('an empty path');
  if (/^file:/i.test(file)) throw refused(`the URI '${file}'`);
  if (file.includes('\0')) throw refused('a path with a NUL character');
  return resolve(file);
}

/** @throws RegistrationError (`INVALID_OPTION`). */
export function checkedBusyTimeoutMs(busyTimeoutMs: number = DEFAULT_BUSY_TIMEOUT_MS): number {
  assertNumber('new SqliteEngine()', 'busyTimeoutMs', busyTimeoutMs, TIMER_OR_NONE);
  return busyTimeoutMs;
}

function refused(got: string): RegistrationError {
  const takes = `the path of the database file, or '${MEMORY}' for a store that is gone when it is closed`;
  const advice = `give it a path, or leave it out (${DEFAULT_FILE})`;
  const message = `new SqliteEngine(): the option 'file' takes ${takes}, but got ${got}: ${advice}`;
  return new RegistrationError('INVALID_OPTION', message);
}
