import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import type { AppendRequest, AppendResult } from '../../engine/append.js';
import type { Checkpoint } from '../../engine/checkpoints.js';
import type { Engine } from '../../engine/engine.js';
import type { Environment } from '../../engine/environment.js';
import type { Unwatch, Wake } from '../../engine/follow.js';
import { GroupCommit } from '../../engine/group-commit.js';
import type { NodeMessage } from '../../engine/messages.js';
import type { NodeRecord } from '../../engine/nodes.js';
import type { StorePage } from '../../engine/read.js';
import type { SnapshotRecord } from '../../engine/snapshots.js';
import { SYSTEM } from '../../engine/system-environment.js';
import type { TickSchedule } from '../../engine/tick-schedules.js';
import { EngineError } from '../../kernel/errors.js';
import type { EventRecord } from '../../kernel/event.js';
import { openDatabase, whenFree } from './connection.js';
import { Doorbell } from './doorbell.js';
import { type SqliteDatabase, sqliteError } from './driver.js';
import { Mailbox } from './mailbox.js';
import { NodeTables } from './node-tables.js';
import { SqliteReader } from './sqlite-reader.js';
import { SqliteWriter } from './sqlite-writer.js';
import { prepareStatements, type Statements } from './statements.js';
import { Tail } from './tail.js';

/** What `new SqliteEngine()` takes; everything has a default. */
export interface SqliteEngineOptions {
  /** Path of the database file; it and its folder are created when missing. Default `./data/events.db`. */
  file?: string;
  /** How long a write waits for other processes' writes before it fails with `DATABASE_BUSY` (and is tried again). Milliseconds. Default 5,000. */
  busyTimeoutMs?: number;
  /** Where it takes time, timers and randomness from: a simulation gives another. Default: the machine. */
  environment?: Environment;
}

/**
 * Streams in one SQLite file, on a local disk; several processes may share it. A commit is durable when `append` resolves: write-ahead log with
 * `synchronous=FULL`, one transaction for all appends that wait at the same time.
 */
export class SqliteEngine implements Engine {
  readonly name = 'sqlite';
  readonly #file: string;
  readonly #busyTimeoutMs: number;
  readonly #environment: Environment;
  readonly #groupCommit: GroupCommit;
  #opened: Opened | undefined;
  #closing = false;

  constructor(options: SqliteEngineOptions = {}) {
    this.#file = resolve(options.file ?? './data/events.db');
    this.#busyTimeoutMs = options.busyTimeoutMs ?? 5_000;
    this.#environment = options.environment ?? SYSTEM;
    this.#groupCommit = new GroupCommit((requests) => this.#write(requests), {}, this.#environment);
  }

  async open(): Promise<void> {
    if (this.#opened) return;
    const db = await openDatabase(this.#environment, this.#file, this.#busyTimeoutMs);
    try {
      const statements = prepareStatements(db);
      const reader = new SqliteReader(statements);
      // By its real path, so that all who share the file through whatever link share the bell.
      const bell = new Doorbell(realpathSync(this.#file));
      const writer = new SqliteWriter(statements, reader);
      this.#closing = false;
      const tail = new Tail(statements, reader, bell, this.#environment);
      const mailbox = new Mailbox(statements, tail, (work) => this.#noteDown(work), this.#environment);
      const tables = new NodeTables(statements);
      this.#opened = { db, statements, reader, writer, bell, tail, mailbox, tables };
    } catch (error) {
      db.close();
      throw sqliteError(error, this.#file);
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#groupCommit.drained();
    const opened = this.#opened;
    if (!opened) return;
    this.#opened = undefined;
    opened.mailbox.close();
    opened.tail.close();
    opened.bell.close();
    opened.db.close();
  }

  append(request: AppendRequest): Promise<AppendResult> {
    if (this.#closing || !this.#opened) return Promise.reject(this.#closed());
    return this.#groupCommit.append(request);
  }

  async readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]> {
    return this.#read(({ reader }) => reader.readStream(streamId, after, limit));
  }

  async streamVersion(streamId: string): Promise<number> {
    return this.#read(({ reader }) => reader.streamVersion(streamId));
  }

  async readAll(after: number, limit: number, names?: readonly string[]): Promise<StorePage> {
    return this.#read(({ reader }) => (names ? reader.readNamed(after, limit, names) : reader.readAll(after, limit)));
  }

  async lastPosition(): Promise<number> {
    return this.#read(({ reader }) => reader.lastPosition());
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

  /** Not waited for until it is on disk: a snapshot that a power cut takes back was only a cache. */
  async saveSnapshot(snapshot: SnapshotRecord): Promise<void> {
    const { streamId, actor, fingerprint, version, eventId, state, checksum } = snapshot;
    await this.#transaction(({ statements }) => {
      statements.saveSnapshot.run(streamId, actor, fingerprint, version, eventId, state, checksum);
    }, 'NORMAL');
  }

  async deleteSnapshots(streamId?: string): Promise<void> {
    await this.#transaction(({ statements }) => {
      if (streamId === undefined) statements.deleteSnapshots.run();
      else statements.deleteSnapshotsOf.run(streamId);
    });
  }

  async beat(node: NodeRecord): Promise<void> {
    await this.#transaction(({ tables }) => tables.beat(node), 'NORMAL');
  }

  async nodes(): Promise<NodeRecord[]> {
    return this.#read(({ tables }) => tables.nodes());
  }

  async forgetNode(nodeId: string, incarnation: string): Promise<void> {
    await this.#transaction(({ tables }) => tables.forget(nodeId, incarnation), 'NORMAL');
  }

  async send(messages: readonly NodeMessage[]): Promise<void> {
    if (this.#closing) throw this.#closed();
    return this.#use().mailbox.send(messages);
  }

  async receive(nodeId: string, deliver: (texts: readonly string[]) => void): Promise<Unwatch> {
    return this.#read(({ mailbox }) => mailbox.receive(nodeId, deliver));
  }

  async addSchedules(schedules: readonly TickSchedule[]): Promise<TickSchedule[]> {
    return this.#transaction(({ tables }) => tables.add(schedules));
  }

  async removeSchedules(schedules: readonly TickSchedule[]): Promise<void> {
    await this.#transaction(({ tables }) => tables.remove(schedules));
  }

  async schedulesOf(owner: string, limit: number, after?: TickSchedule): Promise<TickSchedule[]> {
    return this.#read(({ tables }) => tables.schedulesOf(owner, limit, after));
  }

  async scheduleOwners(): Promise<string[]> {
    return this.#read(({ tables }) => tables.owners());
  }

  async takeSchedules(from: string, to: string, limit: number): Promise<TickSchedule[]> {
    return this.#transaction(({ tables }) => tables.take(from, to, limit));
  }

  async loadCheckpoint(name: string): Promise<Checkpoint | undefined> {
    return this.#read(({ tables }) => tables.checkpoint(name));
  }

  async saveCheckpoint(name: string, revision: number, value: string): Promise<boolean> {
    return this.#transaction(({ tables }) => tables.saveCheckpoint(name, revision, value));
  }

  /** Writes what a power cut may take back, and tells the other processes. */
  async #noteDown(work: () => void): Promise<void> {
    await this.#transaction(work, 'NORMAL');
    this.#opened?.bell.ring();
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

  /** Runs `work` in a write transaction, as soon as other processes let it. Never ends in the middle: all of this is synchronous. */
  #transaction<T>(work: (opened: Opened) => T, synchronous: 'FULL' | 'NORMAL' = 'FULL'): Promise<T> {
    return whenFree(this.#environment, this.#file, this.#busyTimeoutMs, () => {
      const opened = this.#use();
      if (synchronous === 'FULL') return inTransaction(opened, work);
      opened.db.pragma('synchronous = NORMAL');
      try {
        return inTransaction(opened, work);
      } finally {
        opened.db.pragma('synchronous = FULL');
      }
    });
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
    if (!this.#opened) throw this.#closed();
    return this.#opened;
  }

  #closed(): EngineError {
    const message = `${this.#file}: the engine is not open: call open() first, and nothing after close()`;
    return new EngineError('ENGINE_CLOSED', message);
  }
}

/** What there is between `open()` and `close()`. */
interface Opened {
  readonly db: SqliteDatabase;
  readonly statements: Statements;
  readonly reader: SqliteReader;
  readonly writer: SqliteWriter;
  readonly bell: Doorbell;
  readonly tail: Tail;
  readonly mailbox: Mailbox;
  readonly tables: NodeTables;
}

function inTransaction<T>(opened: Opened, work: (opened: Opened) => T): T {
  const { db, statements, reader, writer } = opened;
  statements.begin.run();
  try {
    const result = work(opened);
    statements.commit.run();
    return result;
  } catch (error) {
    reader.forgetKeys();
    writer.forget();
    // Some errors have rolled it back already.
    if (db.inTransaction) statements.rollback.run();
    throw error;
  }
}
