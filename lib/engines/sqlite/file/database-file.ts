import { existsSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Environment } from '../../../engine/environment/index.js';
import { EngineError } from '../../../kernel/values/index.js';

/**
 * Knows whether the open files are still those at their paths. When an open file is deleted, moved or replaced, it
 * lives on, and SQLite goes on writing to it. After a restart, nobody would find there what was acknowledged.
 */
export class DatabaseFile {
  readonly #file: string;
  readonly #environment: Environment;
  readonly #known: readonly Known[];
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  /** What is wrong, once something is. */
  #fault: string | undefined;

  /**
   * @param file the path as it was given: others find the database through it.
   * @param real the path with all links followed.
   */
  constructor(file: string, real: string, environment: Environment, contents: FileContents) {
    this.#file = file;
    this.#environment = environment;
    // VACUUM makes the file shorter too, but then it still holds everything. So does the log when it begins anew.
    const isFileCut = (bytes: bigint) => bytes === 0n || bytes < contents.neededBytes();
    this.#known = [
      ...known(file, 'the database file', isFileCut),
      ...known(real + LOG, 'its write-ahead log', (bytes) => !contents.isLogWhole(bytes)),
      ...known(real + INDEX, "the write-ahead log's index", () => false),
    ];
  }

  /**
   * To be called before a write. Once this has failed, nothing is written, and nothing should be tried again until
   * somebody has repaired it.
   *
   * @throws EngineError (`DATABASE_GONE`).
   */
  assertThere(): void {
    this.#look();
    if (this.#fault !== undefined) throw gone(this.#file, this.#fault);
  }

  /**
   * To be called after a commit, before it is acknowledged. The commit may be in a file that nobody finds, or that will
   * be put back.
   *
   * @throws EngineError (`DATABASE_GONE`).
   */
  assertStored(): void {
    this.#look();
    if (this.#fault !== undefined) throw gone(this.#file, this.#fault, { outcomeUnknown: true });
  }

  /**
   * To be called before a read. The error is `retryable`, so followers continue when the file is put back.
   *
   * @throws EngineError (`DATABASE_GONE`).
   */
  assertReadable(): void {
    if (this.#fault !== undefined || this.#environment.monotonicMs() - this.#lookedAtMs > READ_ON_MS) this.#look();
    if (this.#fault !== undefined) throw gone(this.#file, this.#fault, { retryable: true });
  }

  #look(): void {
    this.#lookedAtMs = this.#environment.monotonicMs();
    this.#fault = this.#faultNow();
  }

  #faultNow(): string | undefined {
    for (const each of this.#known) {
      const { path, what, dev, ino } = each;
      const now = statOf(path);
      if (!now) return `${what} is no longer at ${path}`;
      if (now.dev !== dev || now.ino !== ino) return `another file has taken the place of ${what} at ${path}`;
      if (now.size < each.bytes && isCut(each, now.size)) return `${what} was truncated to ${now.size} bytes`;
      each.bytes = now.size;
    }
    return undefined;
  }
}

/** The files that SQLite keeps beside an open database: the write-ahead log, and its index. */
const LOG = '-wal';
const INDEX = '-shm';
/** The file that we keep beside it: the commit signal. */
export const SIGNAL_SUFFIX = '-bell';

/** How long readers may continue with a file that is gone. Milliseconds. */
const READ_ON_MS = 100;

/** A file, as it was when the database was opened. */
interface Known {
  readonly path: string;
  readonly what: string;
  readonly dev: bigint;
  readonly ino: bigint;
  /** Whether content is missing from it. Asked when it has become shorter. */
  readonly isCut: (bytes: bigint) => boolean;
  bytes: bigint;
}

/** What SQLite says about its files. */
export interface FileContents {
  /** How long the database's file must be if it holds everything. Bytes. */
  neededBytes(): number;
  /** Whether this length of the write-ahead log is enough. @throws what SQLite throws if it cannot read the log. */
  isLogWhole(bytes: bigint): boolean;
}

function isCut(known: Known, bytes: bigint): boolean {
  try {
    return known.isCut(bytes);
  } catch {
    return true;
  }
}

/**
 * To be called before a database is opened. If the file is missing or empty, but files remain that only a database has
 * beside it, the database was deleted. An empty new one would hide that, and SQLite would discard the content of the
 * log. A process that begins a new database makes those files later, so they are looked for first.
 *
 * @throws EngineError (`DATABASE_GONE`).
 */
export function assertNotLost(file: string, real: string): void {
  const left = [LOG, INDEX, SIGNAL_SUFFIX].map((ending) => real + ending).filter((path) => existsSync(path));
  if (left.length === 0) return;
  const now = statOf(real);
  if (now && (!now.isFile() || now.size > 0n)) return;
  const fault = `the database is ${now ? 'empty' : 'missing'}, but ${left.join(', ')} ${left.length > 1 ? 'are' : 'is'} still there`;
  const advice = `put it back or restore a backup; if you want an empty store, delete ${left.length > 1 ? 'those' : 'that'} too`;
  throw new EngineError('DATABASE_GONE', `${file}: ${fault}. If it was deleted or moved away, ${advice}`);
}

/** Returns the path of an existing or future file, with all links followed. */
export function realPathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
  }
  const target = linkTarget(file);
  return target === undefined ? join(realpathSync(dirname(file)), basename(file)) : realPathOf(target);
}

function linkTarget(file: string): string | undefined {
  try {
    return resolve(realpathSync(dirname(file)), readlinkSync(file));
  } catch {
    return undefined;
  }
}

function known(path: string, what: string, isCut: Known['isCut']): Known[] {
  const now = statOf(path);
  return now ? [{ path, what, dev: now.dev, ino: now.ino, isCut, bytes: now.size }] : [];
}

/** Returns `undefined` if there is no such file, or no way to it. */
function statOf(path: string) {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function gone(file: string, fault: string, flags: { retryable?: boolean; outcomeUnknown?: boolean } = {}): EngineError {
  const message =
    `${file}: ${fault}. What is stored now would be missing after a restart, so nothing is stored. Put the same file ` +
    'back, and this process continues; or stop every process that uses it, restore a backup, and start again';
  return new EngineError('DATABASE_GONE', message, flags);
}
