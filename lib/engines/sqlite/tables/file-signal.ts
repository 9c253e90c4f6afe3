import { closeSync, type FSWatcher, openSync, watch, writeSync } from 'node:fs';
import { SIGNAL_SUFFIX } from '../file/index.js';

/**
 * The commit signal: a one-byte file beside the database. A process that committed writes to it, and the operating
 * system notifies every process that watches it. It carries no data: it only says that there is something to read. It
 * is given after the commit, when there is something to see; the write-ahead log itself changes before that.
 */
export class FileSignal implements CommitSignal {
  readonly #file: string;
  readonly #fd: number;
  #watcher: FSWatcher | undefined;

  /**
   * @param databaseFile the real path, so that processes that open the file through different links share one signal.
   */
  constructor(databaseFile: string) {
    this.#file = databaseFile + SIGNAL_SUFFIX;
    this.#fd = openSync(this.#file, 'w');
    writeSync(this.#fd, '.', 0);
  }

  /** Signals a commit. A failure is ignored: what it is about is stored, and the others look again anyway. */
  notify(): void {
    try {
      writeSync(this.#fd, '.', 0);
    } catch {}
  }

  /**
   * Calls `changed` on a signal by any process, also this one. If the system cannot watch the file (no such facility,
   * too many watches), the look-again timer takes its place.
   */
  subscribe(changed: () => void): void {
    try {
      this.#watcher ??= watch(this.#file, { persistent: false }, changed);
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

/** How a process that committed tells the others on the same database to look. */
export interface CommitSignal {
  notify(): void;
  /** Calls `changed` on every signal. */
  subscribe(changed: () => void): void;
  unsubscribe(): void;
  close(): void;
}

/** For a database that no other process can open. */
export const NO_SIGNAL: CommitSignal = {
  notify: () => {},
  subscribe: () => {},
  unsubscribe: () => {},
  close: () => {},
};
