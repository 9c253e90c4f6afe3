import { closeSync, type FSWatcher, openSync, watch, writeSync } from 'node:fs';
import { SIGNAL_SUFFIX } from '../file/database-file.js';

/**
 * A one-byte file beside the database: whoever committed writes to it, and the operating system tells everyone who watches it. It carries nothing: it
 * only says "look". Rung after the commit, when there is something to see; the write-ahead log itself changes before that.
 */
export class FileSignal implements CommitSignal {
  readonly #file: string;
  readonly #fd: number;
  #watcher: FSWatcher | undefined;

  /** @param databaseFile by its real path, so that all who share the file through whatever link share the bell. */
  constructor(databaseFile: string) {
    this.#file = databaseFile + SIGNAL_SUFFIX;
    this.#fd = openSync(this.#file, 'w');
    writeSync(this.#fd, '.', 0);
  }

  /** A ring that fails is not worth failing for: what it tells of is stored, and the others look again anyway. */
  notify(): void {
    try {
      writeSync(this.#fd, '.', 0);
    } catch {}
  }

  /** By whichever process, ours too. Without it (no such facility, too many watches) the look-again timer has to do. */
  subscribe(heard: () => void): void {
    try {
      this.#watcher ??= watch(this.#file, { persistent: false }, heard);
      this.#watcher.on('error', () => this.unsubscribe());
    } catch {
      this.#watcher = undefined;
    }
  }

  unsubscribe(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  close(): void {
    this.unsubscribe();
    closeSync(this.#fd);
  }
}

/** How whoever committed tells the other processes on the same database to look. */
export interface CommitSignal {
  notify(): void;
  /** Calls `heard` on every ring. */
  subscribe(heard: () => void): void;
  unsubscribe(): void;
  close(): void;
}

/** For a database that nobody else can open. */
export const NO_SIGNAL: CommitSignal = {
  notify: () => {},
  subscribe: () => {},
  unsubscribe: () => {},
  close: () => {},
};
