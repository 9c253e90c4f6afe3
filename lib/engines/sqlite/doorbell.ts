import { closeSync, type FSWatcher, openSync, watch, writeSync } from 'node:fs';
import { BELL } from './database-file.js';

/** How whoever committed tells the other processes on the same database to look. */
export interface Bell {
  ring(): void;
  /** Calls `heard` on every ring. */
  listen(heard: () => void): void;
  deafen(): void;
  close(): void;
}

/** For a database that nobody else can open. */
export const NO_BELL: Bell = { ring: () => {}, listen: () => {}, deafen: () => {}, close: () => {} };

/**
 * A one-byte file beside the database: whoever committed writes to it, and the operating system tells everyone who watches it. It carries nothing: it
 * only says "look". Rung after the commit, when there is something to see; the write-ahead log itself changes before that.
 */
export class Doorbell implements Bell {
  readonly #file: string;
  readonly #fd: number;
  #watcher: FSWatcher | undefined;

  /** @param databaseFile by its real path, so that all who share the file through whatever link share the bell. */
  constructor(databaseFile: string) {
    this.#file = databaseFile + BELL;
    this.#fd = openSync(this.#file, 'w');
    writeSync(this.#fd, '.', 0);
  }

  /** A ring that fails is not worth failing for: what it tells of is stored, and the others look again anyway. */
  ring(): void {
    try {
      writeSync(this.#fd, '.', 0);
    } catch {}
  }

  /** By whichever process, ours too. Without it (no such facility, too many watches) the look-again timer has to do. */
  listen(heard: () => void): void {
    try {
      this.#watcher ??= watch(this.#file, { persistent: false }, heard);
      this.#watcher.on('error', () => this.deafen());
    } catch {
      this.#watcher = undefined;
    }
  }

  deafen(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  close(): void {
    this.deafen();
    closeSync(this.#fd);
  }
}
