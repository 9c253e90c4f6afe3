import type {
  AppendRequest,
  AppendResult,
  Checkpoint,
  Engine,
  NodeMessage,
  NodeRecord,
  SnapshotRecord,
  StorePage,
  TickSchedule,
  Unwatch,
  Wake,
} from '../../engine/duties/index.js';
import { type Environment, SYSTEM } from '../../engine/environment/index.js';
import { GroupCommit } from '../../engine/writing/index.js';
import { EngineError, type EventRecord } from '../../kernel/values/index.js';
import { checkedBusyTimeoutMs, checkedFile, type SqliteEngineOptions, sqliteError, whenFree } from './file/index.js';
import { type Opened, openStore } from './opened-store.js';
import type { Synchronous } from './tables/index.js';

/**
 * An engine that stores streams in one SQLite file on a local disk. Several processes may share the file.
 *
 * A commit is durable when `append` resolves: it uses a write-ahead log with `synchronous=FULL`, and one transaction
 * for all appends that wait at the same time. If the file is deleted or replaced meanwhile, nothing is acknowledged any
 * more (`DATABASE_GONE`).
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
    this.#file = checkedFile(options.file ?? undefined);
    this.#busyTimeoutMs = checkedBusyTimeoutMs(options.busyTimeoutMs ?? undefined);
    this.#environment = options.environment ?? SYSTEM;
    this.#groupCommit = new GroupCommit((requests) => this.#write(requests), {}, this.#environment);
  }

  async open(): Promise<void> {
    if (this.#opened) return;
    const opened = await openStore(this.#environment, this.#file, this.#busyTimeoutMs, (work) =>
      this.#writeUnsynced(work),
    );
    this.#closing = false;
    this.#opened = opened;
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#groupCommit.drained();
    const opened = this.#opened;
    if (!opened) return;
    this.#opened = undefined;
    opened.mailbox.close();
    opened.tail.close();
    opened.signal.close();
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

  /** Does not wait for the disk: a snapshot that a power cut takes back was only a cache. */
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

  /** Writes what a power cut may take back, and signals the other processes. */
  async #writeUnsynced(work: () => void): Promise<void> {
    await this.#transaction(work, 'NORMAL');
    this.#opened?.signal.notify();
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

  /** Runs `work` in a write transaction, as soon as other processes let it. */
  #transaction<T>(work: (opened: Opened) => T, synchronous: Synchronous = 'FULL'): Promise<T> {
    return whenFree(this.#environment, this.#file, this.#busyTimeoutMs, () => {
      const opened = this.#use();
      return opened.transactions.run(
        () => work(opened),
        synchronous,
        () => {
          opened.reader.forgetKeys();
          opened.writer.forget();
        },
      );
    });
  }

  #read<T>(work: (opened: Opened) => T): T {
    const opened = this.#use();
    try {
      opened.databaseFile?.assertReadable();
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
    const message = `${this.#file}: the engine is not open: call open() first, and no other method after close()`;
    return new EngineError('ENGINE_CLOSED', message);
  }
}

export type { SqliteEngineOptions };
