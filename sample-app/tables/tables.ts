import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import Database from 'better-sqlite3';

/** Token of the file's name. */
export const TABLES_FILE = 'file of the tables';

/** How long a write waits for other processes' writes. */
const BUSY_MS_MAX = 5_000;

/**
 * The game's own database, beside the events: what is in it can be thrown away and made again, but for the bank's books. An SQLite file that all
 * processes on a machine share; on several machines it would be a PostgreSQL server, and nothing else would change.
 */
@Injectable()
export class Tables implements OnApplicationShutdown {
  readonly db: Database.Database;

  constructor(@Inject(TABLES_FILE) file: string) {
    mkdirSync(dirname(file), { recursive: true });
    this.db = new Database(file, { timeout: BUSY_MS_MAX });
    this.db.pragma('journal_mode = WAL');
  }

  /** Projections and leaders' tasks have ended by now. */
  onApplicationShutdown(): void {
    this.db.close();
  }
}
