import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { AppendRequest, AppendResult } from '../../engine/append.js';
import type { Engine } from '../../engine/engine.js';
import type { Unwatch, Wake } from '../../engine/follow.js';
import { GroupCommit } from '../../engine/group-commit.js';
import type { SnapshotRecord } from '../../engine/snapshots.js';
import { EngineError } from '../../kernel/errors.js';
import type { EventRecord } from '../../kernel/event.js';
import { Doorbell } from './doorbell.js';
import { loadDriver, type SqliteDatabase, sqliteError } from './driver.js';
import { migrate } from './schema.js';
import { SqliteWriter } from './sqlite-writer.js';
import {
  prepareStatements,
  recordsOf,
  type Statements,
  type StoreRow,
  type StreamRow,
  storeRecordsOf,
} from './statements.js';
import { Tail } from './tail.js';

/** What `new SqliteEngine()` takes; everything has a default. */
export interface SqliteEngineOptions {
  /** Path of the database file; it and its folder are created when missing. Default `./data/events.db`. */
  file?: string;
  /** How long a write waits for other processes' writes before it fails with `DATABASE_BUSY` (and is tried again). Milliseconds. Default 5,000. */
  busyTimeoutMs?: number;
}

/** Longest the event loop is blocked for another process's write; after that the wait is asynchronous. */
const BLOCKING_WAIT_MS = 5;
/** Longest asynchronous wait between two tries for the write lock; random up to this, so that processes take turns. */
const LOCK_RETRY_MS_MAX = 4;

/**
 * Streams in one SQLite file, on a local disk; several processes may share it. A commit is durable when `append` resolves: write-ahead log with
 * `synchronous=FULL`, one transaction for all appends that wait at the same time.
 */
export class SqliteEngine implements Engine {
  readonly name = 'sqlite';
  readonly #file: string;
  readonly #busyTimeoutMs: number;
  readonly #groupCommit = new GroupCommit((requests) => this.#write(requests));
  #opened: Opened | undefined;

  constructor(options: SqliteEngineOptions = {}) {
    this.#file = resolve(options.file ?? './data/events.db');
    this.#busyTimeoutMs = options.busyTimeoutMs ?? 5_000;
  }

  async open(): Promise<void> {
    if (this.#opened) return;
    const Database = await loadDriver();
    let db: SqliteDatabase | undefined;
    try {
      mkdirSync(dirname(this.#file), { recursive: true });
      db = new Database(this.#file, { timeout: this.#busyTimeoutMs });
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = FULL');
      migrate(db, this.#file);
      db.pragma(`busy_timeout = ${BLOCKING_WAIT_MS}`);
      const statements = prepareStatements(db);
      const bell = new Doorbell(this.#file);
      this.#opened = { db, statements, bell, writer: new SqliteWriter(statements), tail: new Tail(statements, bell) };
    } catch (error) {
      db?.close();
      throw sqliteError(readOnly(this.#file) ?? error, this.#file);
    }
  }

  async close(): Promise<void> {
    if (!this.#opened) return;
    await this.#groupCommit.drained();
    const opened = this.#opened;
    if (!opened) return;
    this.#opened = undefined;
    opened.tail.close();
    opened.bell.close();
    opened.db.close();
  }

  async append(request: AppendRequest): Promise<AppendResult> {
    this.#use();
    return this.#groupCommit.append(request);
  }

  async readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]> {
    return this.#read(({ writer, statements }) => {
      const key = writer.keyOf(streamId);
      if (key === undefined) return [];
      const rows = statements.readStream.all(key, after, limit) as StreamRow[];
      return recordsOf(streamId, rows);
    });
  }

  async streamVersion(streamId: string): Promise<number> {
    return this.#read(
      ({ statements }) => (statements.streamById.get(streamId) as [number, number] | undefined)?.[1] ?? 0,
    );
  }

  async readAll(after: number, limit: number, names?: readonly string[]): Promise<EventRecord[]> {
    return this.#read(({ statements }) => {
      const rows = names
        ? statements.readNamed.all(after, JSON.stringify(names), limit)
        : statements.readAll.all(after, limit);
      return storeRecordsOf(rows as StoreRow[]);
    });
  }

  async lastPosition(): Promise<number> {
    return this.#read(({ statements }) => statements.lastPosition.get() as number);
  }

  async watchStream(streamId: string, wake: Wake): Promise<Unwatch> {
    return this.#read(({ tail }) => tail.watchStream(streamId, wake));
  }

  async watchAll(wake: Wake): Promise<Unwatch> {
    return this.#read(({ tail }) => tail.watchAll(wake));
  }

  async loadSnapshot(streamId: string, actor: string): Promise<SnapshotRecord | undefined> {
    return this.#read(({ statements }) => statements.loadSnapshot.get(streamId, actor) as SnapshotRecord | undefined);
  }

  async saveSnapshot(snapshot: SnapshotRecord): Promise<void> {
    const { streamId, actor, fingerprint, version, eventId, state, checksum } = snapshot;
    await this.#transaction(({ statements }) => {
      statements.saveSnapshot.run(streamId, actor, fingerprint, version, eventId, state, checksum);
    });
  }

  async deleteSnapshots(streamId?: string): Promise<void> {
    await this.#transaction(({ statements }) => {
      if (streamId === undefined) statements.deleteSnapshots.run();
      else statements.deleteSnapshotsOf.run(streamId);
    });
  }

  async #write(requests: readonly AppendRequest[]): Promise<AppendResult[]> {
    const stored: EventRecord[] = [];
    const results = await this.#transaction(({ writer }) => {
      stored.length = 0;
      return writer.write(requests, stored);
    });
    this.#opened?.tail.committed(stored);
    return results;
  }

  /** Runs `work` in a write transaction, waiting for other processes' to end without blocking the event loop for long. */
  async #transaction<T>(work: (opened: Opened) => T): Promise<T> {
    const deadlineMs = Date.now() + this.#busyTimeoutMs;
    for (;;) {
      const opened = this.#use();
      const { db, statements, writer } = opened;
      try {
        statements.begin.run();
        const result = work(opened);
        statements.commit.run();
        return result;
      } catch (error) {
        if (db.inTransaction) statements.rollback.run();
        writer.forget();
        const known = sqliteError(error, this.#file);
        if (known.code !== 'DATABASE_BUSY' || Date.now() > deadlineMs) throw known;
      }
      await new Promise((again) => setTimeout(again, Math.random() * LOCK_RETRY_MS_MAX));
    }
  }

  #read<T>(work: (opened: Opened) => T): T {
    const opened = this.#use();
    try {
      return work(opened);
    } catch (error) {
      throw sqliteError(error, this.#file);
    }
  }

  #use(): Opened {
    if (this.#opened) return this.#opened;
    throw new EngineError(
      'ENGINE_CLOSED',
      `${this.#file}: the engine is not open: call open() first, and nothing after close()`,
    );
  }
}

/** What there is between `open()` and `close()`. */
interface Opened {
  readonly db: SqliteDatabase;
  readonly statements: Statements;
  readonly bell: Doorbell;
  readonly writer: SqliteWriter;
  readonly tail: Tail;
}

/** SQLite only says that it can't open a file; the operating system says whether that is because it can't be written to. */
function readOnly(file: string): unknown {
  try {
    accessSync(existsSync(file) ? file : dirname(file), constants.W_OK);
    return undefined;
  } catch (error) {
    const { code } = error as { code?: unknown };
    return code === 'EROFS' || code === 'EACCES' ? error : undefined;
  }
}
