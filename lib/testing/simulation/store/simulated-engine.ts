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
} from '../../../engine/duties/index.js';
import type { EventRecord } from '../../../kernel/values/index.js';
import type { RequestKind } from '../faults/index.js';
import { LOG } from '../world/index.js';
import type { Link } from './link.js';
import type { Mailboxes } from './mailboxes.js';
import { readLog } from './simulated-reads.js';
import type { SimulatedStore } from './simulated-store.js';
import type { World } from './simulated-world.js';
import { WakeUps } from './wake-ups.js';

/** The engine of one process. It does exactly what an engine has to do (see `lib/engine`), and no more. */
export class SimulatedEngine implements Engine {
  readonly name = 'simulated';
  readonly #store: SimulatedStore;
  readonly #link: Link;
  readonly #node: number;
  readonly #mailboxes: Mailboxes;
  readonly #wakeUps: WakeUps;
  readonly #receivers = new Set<Unwatch>();

  constructor(world: World, link: Link, node: number, mailboxes: Mailboxes) {
    this.#store = world.store;
    this.#link = link;
    this.#node = node;
    this.#mailboxes = mailboxes;
    this.#wakeUps = new WakeUps(world, link, node);
  }

  async open(): Promise<void> {
    await this.#ask('open', 'open', () => {});
    this.#link.open();
  }

  async close(): Promise<void> {
    await this.#link.close();
    this.end();
  }

  /** Ends it with its process: no wake-up and no message comes here any more. */
  end(): void {
    this.#wakeUps.end();
    for (const stop of this.#receivers) stop();
  }

  append(request: AppendRequest): Promise<AppendResult> {
    const { streamId, expectedVersion } = request;
    const by = this.#link.process.name;
    const text = `append to ${streamId} at ${expectedVersion}`;
    return this.#link.request(
      { kind: 'append', writes: true, text, streamId },
      {
        now: () => this.#store.append(request, by),
        later: () => {
          // It may land only at the version that it was sent for, even if the request allows any.
          const version = this.#store.version(streamId);
          const atVersion = { ...request, expectedVersion: expectedVersion === 'any' ? version : expectedVersion };
          if (atVersion.expectedVersion !== version) return { answer: this.#store.append(request, by) };
          return { run: () => void this.#store.append(atVersion, by) };
        },
      },
    );
  }

  readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]> {
    const text = `read of ${streamId} after ${after}`;
    return this.#ask(
      'read',
      text,
      () => this.#store.streams.get(streamId)?.slice(after, after + limit) ?? [],
      streamId,
    );
  }

  streamVersion(streamId: string): Promise<number> {
    return this.#ask('read', `version of ${streamId}`, () => this.#store.version(streamId), streamId);
  }

  readAll(after: number, limit: number, names?: readonly string[]): Promise<StorePage> {
    return this.#ask('read', `read of the log after ${after}`, () => readLog(this.#store, after, limit, names), LOG);
  }

  lastPosition(): Promise<number> {
    return this.#ask('read', 'last position', () => this.#store.lastPosition, LOG);
  }

  watchStream(streamId: string, wake: Wake): Promise<Unwatch> {
    return this.#ask('watch', `watch of ${streamId}`, () => this.#wakeUps.watchStream(streamId, wake), streamId);
  }

  watchAll(wake: Wake): Promise<Unwatch> {
    return this.#ask('watch', 'watch of the log', () => this.#wakeUps.watchAll(wake), LOG);
  }

  loadSnapshot(streamId: string, actor: string): Promise<SnapshotRecord | undefined> {
    const { tables } = this.#store;
    const text = `snapshot of ${streamId}`;
    return this.#ask('load-snapshot', text, () => tables.loadSnapshot(streamId, actor), streamId);
  }

  saveSnapshot(snapshot: SnapshotRecord): Promise<void> {
    const { streamId, version } = snapshot;
    const text = `snapshot of ${streamId} at ${version}`;
    return this.#tell('save-snapshot', text, () => this.#store.tables.saveSnapshot(snapshot), streamId);
  }

  deleteSnapshots(streamId?: string): Promise<void> {
    return this.#tell(
      'save-snapshot',
      'end of snapshots',
      () => this.#store.tables.deleteSnapshots(streamId),
      streamId,
    );
  }

  beat(node: NodeRecord): Promise<void> {
    return this.#tell('heartbeat', `heartbeat ${node.beat}`, () => this.#store.tables.beat(node));
  }

  nodes(): Promise<NodeRecord[]> {
    return this.#ask('look', 'look at the nodes', () => this.#store.tables.nodes());
  }

  forgetNode(nodeId: string, incarnation: string): Promise<void> {
    return this.#tell('heartbeat', `end of ${nodeId}`, () => this.#store.tables.forgetNode(nodeId, incarnation));
  }

  send(messages: readonly NodeMessage[]): Promise<void> {
    return this.#tell('send', `${messages.length} messages`, () => this.#mailboxes.send(messages));
  }

  receive(nodeId: string, deliver: (texts: readonly string[]) => void): Promise<Unwatch> {
    return this.#ask('receive', 'mailbox', () => {
      const stop = this.#mailboxes.receive(nodeId, this.#link, this.#node, deliver);
      this.#receivers.add(stop);
      return stop;
    });
  }

  addSchedules(schedules: readonly TickSchedule[]): Promise<TickSchedule[]> {
    const text = `schedules + ${textOf(schedules)}`;
    return this.#tell('schedules', text, () => this.#store.tables.addSchedules(schedules));
  }

  removeSchedules(schedules: readonly TickSchedule[]): Promise<void> {
    const text = `schedules - ${textOf(schedules)}`;
    return this.#tell('schedules', text, () => this.#store.tables.removeSchedules(schedules));
  }

  schedulesOf(owner: string, limit: number, after?: TickSchedule): Promise<TickSchedule[]> {
    const { tables } = this.#store;
    return this.#ask('schedules', `schedules of ${owner}`, () => tables.schedulesOf(owner, limit, after));
  }

  scheduleOwners(): Promise<string[]> {
    return this.#ask('schedules', 'owners of schedules', () => this.#store.tables.scheduleOwners());
  }

  takeSchedules(from: string, to: string, limit: number): Promise<TickSchedule[]> {
    const { tables } = this.#store;
    return this.#tell('schedules', `schedules of ${from} for ${to}`, () => tables.takeSchedules(from, to, limit));
  }

  loadCheckpoint(name: string): Promise<Checkpoint | undefined> {
    return this.#ask('load-checkpoint', `checkpoint ${name}`, () => this.#store.tables.loadCheckpoint(name));
  }

  saveCheckpoint(name: string, revision: number, value: string): Promise<boolean> {
    const text = `checkpoint ${name} ${revision + 1}: ${value}`;
    return this.#tell('save-checkpoint', text, () => this.#store.tables.saveCheckpoint(name, revision, value));
  }

  /** Sends a request that changes nothing. */
  #ask<T>(kind: RequestKind, text: string, now: () => T | Promise<T>, streamId?: string): Promise<T> {
    return this.#link.request({ kind, writes: false, text, streamId }, { now });
  }

  #tell<T>(kind: RequestKind, text: string, now: () => T | Promise<T>, streamId?: string): Promise<T> {
    return this.#link.request({ kind, writes: true, text, streamId }, { now });
  }
}

function textOf(schedules: readonly TickSchedule[]): string {
  return schedules.map(({ streamId, owner }) => `${streamId} of ${owner}`).join(', ');
}
