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
import { endsWithin } from '../../engine/environment/index.js';
import { type BatchWriter, GroupCommit } from '../../engine/writing/index.js';
import { EngineError, type EventRecord } from '../../kernel/values/index.js';
import {
  Connections,
  loadDriver,
  type Reql,
  type RethinkDbEngineOptions,
  type Settings,
  settingsOf,
} from './connections/index.js';
import { type EngineParts, openParts } from './engine-parts.js';
import { Schema } from './schema/index.js';

/**
 * An engine that stores streams in a RethinkDB cluster, version 2.4 or newer. A commit is one document, acknowledged
 * when a majority of replicas have it on disk. Commits of others are noticed through changefeeds, and also by reading
 * when those miss something. It reconnects by itself.
 *
 * @example
 * ```ts
 * import { Module } from '@nestjs/common';
 * import { EventSourcingModule } from 'omniscient-nest';
 * import { RethinkDbEngine } from 'omniscient-nest/rethinkdb';
 *
 * const servers = [{ host: 'db1' }, { host: 'db2' }, { host: 'db3' }];
 *
 * @Module({ imports: [EventSourcingModule.forRoot({ engine: new RethinkDbEngine({ servers, database: 'shop' }) })] })
 * export class AppModule {}
 * ```
 */
export class RethinkDbEngine implements Engine {
  readonly name = 'rethinkdb';
  readonly #settings: Settings;
  readonly #driver: () => Promise<Reql>;
  readonly #groupCommit: GroupCommit;
  #opening: Promise<void> | undefined;
  #opened: EngineParts | undefined;
  /** The connections on which tables are created, while this goes on. */
  #preparing: Connections | undefined;
  #closing = false;

  /** @param driver loads the driver; a simulation gives its own. Default: the package `rethinkdb`. */
  constructor(options: RethinkDbEngineOptions = {}, driver: () => Promise<Reql> = loadDriver) {
    this.#settings = settingsOf(options);
    this.#driver = driver;
    const write: BatchWriter = (requests) => this.#use().commits.write(requests);
    this.#groupCommit = new GroupCommit(write, BATCHES, this.#settings.environment);
  }

  /** @throws EngineError, with `ENGINE_CLOSED` if `close()` is called before it is open. */
  async open(): Promise<void> {
    if (this.#opened) return;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  async #open(): Promise<void> {
    this.#closing = false;
    const r = await this.#driver();
    await this.#prepare(r);
    if (this.#closing) throw closed();
    this.#opened = openParts(r, this.#settings);
  }

  /** Uses connections of its own: creating tables takes longer than any query should wait. */
  async #prepare(r: Reql): Promise<void> {
    if (this.#closing) throw closed();
    const queryTimeoutMs = Math.max(this.#settings.queryTimeoutMs, PREPARE_MS_MAX);
    const connections = new Connections(r, { ...this.#settings, queryTimeoutMs });
    this.#preparing = connections;
    try {
      await new Schema(r, connections, this.#settings).prepare();
    } finally {
      this.#preparing = undefined;
      await connections.close();
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    await endsWithin(this.#settings.environment, this.#finish(), CLOSE_MS_MAX);
    const opened = this.#opened;
    if (!opened) return;
    this.#opened = undefined;
    opened.watcher.close();
    opened.mailbox.close();
    opened.sweeper.close();
    await Promise.all([opened.line.close(), opened.connections.close()]);
  }

  /** What was accepted is stored, and has its place. */
  async #finish(): Promise<void> {
    await this.#preparing?.close();
    await this.#opening?.catch(() => {});
    await this.#groupCommit.drained();
    this.#opened?.sweeper.close();
    await this.#opened?.log.close();
    await this.#opened?.announcements.close();
  }

  append(request: AppendRequest): Promise<AppendResult> {
    if (this.#closing || !this.#opened) return Promise.reject(closed());
    return this.#groupCommit.append(request);
  }

  async readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]> {
    const { reader, sweeper } = this.#use();
    // The events read here may be of a batch in doubt, and the reader takes them for stored.
    await sweeper.announceDoubts();
    return reader.readStream(streamId, after, limit);
  }

  async streamVersion(streamId: string): Promise<number> {
    return this.#use().reader.streamVersion(streamId);
  }

  async readAll(after: number, limit: number, names?: readonly string[]): Promise<StorePage> {
    return this.#use().store.readAll(after, limit, names);
  }

  async lastPosition(): Promise<number> {
    return this.#use().log.lastPosition();
  }

  async watchStream(streamId: string, wake: Wake): Promise<Unwatch> {
    return this.#use().watcher.watchStream(streamId, wake);
  }

  async watchAll(wake: Wake): Promise<Unwatch> {
    return this.#use().watcher.watchAll(wake);
  }

  async loadSnapshot(streamId: string, actor: string): Promise<SnapshotRecord | undefined> {
    return this.#use().tables.loadSnapshot(streamId, actor);
  }

  async saveSnapshot(snapshot: SnapshotRecord): Promise<void> {
    return this.#use().tables.saveSnapshot(snapshot);
  }

  async deleteSnapshots(streamId?: string): Promise<void> {
    return this.#use().tables.deleteSnapshots(streamId);
  }

  async beat(node: NodeRecord): Promise<void> {
    return this.#use().tables.beat(node);
  }

  async nodes(): Promise<NodeRecord[]> {
    return this.#use().tables.nodes();
  }

  async forgetNode(nodeId: string, incarnation: string): Promise<void> {
    return this.#use().tables.forgetNode(nodeId, incarnation);
  }

  async send(messages: readonly NodeMessage[]): Promise<void> {
    return this.#use().mailbox.send(messages);
  }

  async receive(nodeId: string, deliver: (texts: readonly string[]) => void): Promise<Unwatch> {
    return this.#use().mailbox.receive(nodeId, deliver);
  }

  async addSchedules(schedules: readonly TickSchedule[]): Promise<TickSchedule[]> {
    return this.#use().tables.addSchedules(schedules);
  }

  async removeSchedules(schedules: readonly TickSchedule[]): Promise<void> {
    return this.#use().tables.removeSchedules(schedules);
  }

  async schedulesOf(owner: string, limit: number, after?: TickSchedule): Promise<TickSchedule[]> {
    return this.#use().tables.schedulesOf(owner, limit, after);
  }

  async scheduleOwners(): Promise<string[]> {
    return this.#use().tables.scheduleOwners();
  }

  async takeSchedules(from: string, to: string, limit: number): Promise<TickSchedule[]> {
    return this.#use().tables.takeSchedules(from, to, limit);
  }

  async loadCheckpoint(name: string): Promise<Checkpoint | undefined> {
    return this.#use().tables.loadCheckpoint(name);
  }

  async saveCheckpoint(name: string, revision: number, value: string): Promise<boolean> {
    return this.#use().tables.saveCheckpoint(name, revision, value);
  }

  #use(): EngineParts {
    if (!this.#opened) throw closed();
    return this.#opened;
  }
}

/** Longest that one step of creating tables may take. Milliseconds. */
const PREPARE_MS_MAX = 30_000;
/**
 * Longest that `close()` takes. Writes still under way are then in doubt. Commits without positions get them from other
 * nodes, as after a crash. Milliseconds.
 */
export const CLOSE_MS_MAX = 5_000;
/**
 * A round trip is long, so several batches are under way. Requests that arrive during one need not wait for its end.
 */
const BATCHES = { batchEventsMax: 10_000, batchesMax: 8 };

function closed(): EngineError {
  return new EngineError(
    'ENGINE_CLOSED',
    'RethinkDB: the engine is not open: call open() first, and no other method after close()',
  );
}
