import { existsSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Environment } from '../../../engine/environment/environment.js';
import { EngineError } from '../../../kernel/values/errors.js';

/**
 * Whether the files that are open are still those at their paths. An open file lives on when it is deleted, moved, or when another takes its place: SQLite
 * goes on writing to it, and after a restart nobody would find there what was acknowledged.
 */
export class DatabaseFile {
  readonly #file: string;
  readonly #environment: Environment;
  readonly #known: readonly Known[];
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  /** What is wrong; nothing is. */
  #fault: string | undefined;

  /**
   * @param file as it was given: through it, others will look for the database.
   * @param real where it is, all links followed.
   */
  constructor(file: string, real: string, environment: Environment, contents: FileContents) {
    this.#file = file;
    this.#environment = environment;
    // VACUUM makes it shorter too, but then all is in it; and the log, when all of it is in the file and it begins anew.
    const isFileCut = (bytes: bigint) => bytes === 0n || bytes < contents.neededBytes();
    this.#known = [
      ...known(file, 'the database file', isFileCut),
      ...known(real + LOG, 'its write-ahead log', (bytes) => !contents.isLogWhole(bytes)),
      ...known(real + INDEX, "the write-ahead log's index", () => false),
    ];
  }

  /** Before a write. @throws EngineError (`DATABASE_GONE`): nothing is written, and nothing should be tried again until somebody has seen to it. */
  assertThere(): void {
    this.#look();
    if (this.#fault !== undefined) throw gone(this.#file, this.#fault);
  }

  /** After a commit, before it is acknowledged. @throws EngineError (`DATABASE_GONE`): it may be in a file that nobody finds, or that is put back. */
  assertStored(): void {
    this.#look();
    if (this.#fault !== undefined) throw gone(this.#file, this.#fault, { outcomeUnknown: true });
  }

  /** Before a read. @throws EngineError (`DATABASE_GONE`) that may be tried again: who follows goes on when the file is put back. */
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
      if (!now) return `${what} is gone from ${path}`;
      if (now.dev !== dev || now.ino !== ino) return `another file is at ${path} now, in the place of ${what}`;
      if (now.size < each.bytes && isCut(each, now.size)) return `${what} was cut to ${now.size} bytes`;
      each.bytes = now.size;
    }
    return undefined;
  }
}

/** What SQLite keeps beside a database that is open: the write-ahead log, and its index. */
const LOG = '-wal';
const INDEX = '-shm';
/** What we keep there. */
export const SIGNAL_SUFFIX = '-bell';

/** How long readers may go on with a file that is gone. Milliseconds. */
const READ_ON_MS = 100;

/** A file as it was when the database was opened. */
interface Known {
  readonly path: string;
  readonly what: string;
  readonly dev: bigint;
  readonly ino: bigint;
  /** Whether something is missing from it. Asked when it has become shorter. */
  readonly isCut: (bytes: bigint) => boolean;
  bytes: bigint;
}

/** What SQLite says of its files. */
export interface FileContents {
  /** How long the database's file has to be if all is in it. */
  neededBytes(): number;
  /** Whether so many bytes of the write-ahead log are enough. @throws what SQLite says where it can't read them. */
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
 * Before a database is opened: where it is missing or empty, and something is left that only a database has beside it, it was deleted. To begin an empty
 * one there would hide that, and SQLite would throw away what is in the log. Whoever begins one makes those files after it, so they are looked for first.
 *
 * @throws EngineError (`DATABASE_GONE`).
 */
export function assertNotLost(file: string, real: string): void {
  const left = [LOG, INDEX, SIGNAL_SUFFIX].map((ending) => real + ending).filter((path) => existsSync(path));
  if (left.length === 0) return;
  const now = statOf(real);
  if (now && (!now.isFile() || now.size > 0n)) return;
  const fault = `it is ${now ? 'empty' : 'missing'}, but ${left.join(', ')} of it ${left.length > 1 ? 'are' : 'is'} there`;
  const advice = `restore it; or, if an empty store is what you want, delete ${left.length > 1 ? 'those' : 'that'} too`;
  throw new EngineError('DATABASE_GONE', `${file}: ${fault}: was it deleted or moved away? Look for it, or ${advice}`);
}

/** Where a file is, or will be made: all links followed. */
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

/** `undefined` if there is none, or no way to it. */
function statOf(path: string) {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function gone(file: string, fault: string, flags: { retryable?: boolean; outcomeUnknown?: boolean } = {}): EngineError {
  const message =
    `${file}: ${fault}: what is stored now would not be found after a restart, so nothing is stored. Put the very file back, and it goes on; or stop ` +
    'every process that uses it, restore a backup, and start again';
  return new EngineError('DATABASE_GONE', message, flags);
}
