import { resolve } from 'node:path';
import type { Environment } from '../../../engine/environment/environment.js';
import { assertNumber, TIMER_OR_NONE } from '../../../kernel/defining/option-checks.js';
import { RegistrationError } from '../../../kernel/values/errors.js';

/** What `new SqliteEngine()` takes; everything has a default. */
export interface SqliteEngineOptions {
  /**
   * Path of the database file; it and its folder are created when missing. `':memory:'` for a store in memory, which is this engine's alone and gone when it is
   * closed. Default `./data/events.db`.
   */
  file?: string;
  /** How long a write waits for other processes' writes before it fails with `DATABASE_BUSY` (and is tried again). Milliseconds. Default 5,000. */
  busyTimeoutMs?: number;
  /** Where it takes time, timers and randomness from: a simulation gives another. Default: the machine. */
  environment?: Environment;
}

/** What SQLite calls a database in memory. */
export const MEMORY = ':memory:';

const DEFAULT_FILE = './data/events.db';
const DEFAULT_BUSY_TIMEOUT_MS = 5_000;

/** The whole path, or `MEMORY`. @throws RegistrationError (`INVALID_OPTION`). */
export function checkedFile(file: unknown = DEFAULT_FILE): string {
  if (file === MEMORY) return MEMORY;
  if (typeof file !== 'string') throw refused(`a ${typeof file}`);
  // Of an empty name SQLite makes a file that it deletes again.
  if (file.trim() === '') throw refused('an empty one');
  if (/^file:/i.test(file)) throw refused(`the URI '${file}'`);
  if (file.includes('\0')) throw refused('one with a NUL character');
  return resolve(file);
}

/** @throws RegistrationError (`INVALID_OPTION`). */
export function checkedBusyTimeoutMs(busyTimeoutMs: number = DEFAULT_BUSY_TIMEOUT_MS): number {
  assertNumber('new SqliteEngine()', 'busyTimeoutMs', busyTimeoutMs, TIMER_OR_NONE);
  return busyTimeoutMs;
}

function refused(got: string): RegistrationError {
  const takes = `the path of the database file, or '${MEMORY}' for a store that is gone when it is closed`;
  const message = `new SqliteEngine(): the option 'file' takes ${takes}, but got ${got}: give it a path, or leave it out (${DEFAULT_FILE})`;
  return new RegistrationError('INVALID_OPTION', message);
}
