import {
  type AppendRequest,
  type AppendResult,
  type Checkpoint,
  CONFLICT_EVENTS_MAX,
  type Engine,
  type NodeMessage,
  type NodeRecord,
  type SnapshotRecord,
  type StorePage,
  type TickSchedule,
  type Unwatch,
  type Wake,
} from '../../engine/duties/index.js';
import { type Environment, SYSTEM } from '../../engine/environment/index.js';
import { WakeTable } from '../../engine/reading/index.js';
import { EngineError, type EventRecord } from '../../kernel/values/index.js';

/**
 * An engine that keeps everything in this process's memory: for tests, and as the shortest example of an engine.
 * Nothing survives the process.
 */
export class MemoryEngine implements Engine {
  readonly name = 'memory';
  readonly #store: MemoryStore;
  readonly #environment: Environment;
  readonly #watches = new Set<Unwatch>();
  #open = false;

  constructor(options: MemoryEngineOptions = {}) {
    this.#store = options.store ?? new MemoryStore();
    this.#environment = options.environment ?? SYSTEM;
  }

  async open(): Promise<void> {
    this.#open = true;
  }

  async close(): Promise<void> {
    this.#open = false;
    for (const unwatch of [...this.#watches]) unwatch();
  }

  async append({ streamId, expectedVersion, events }: AppendRequest): Promise<AppendResult> {
    this.#assertOpen();
    const stream = this.#store.streams.get(streamId) ?? [];
    const version = stream.length;
    if (expectedVersion !== 'any' && expectedVersion !== version) {
      return {
        kind: 'conflict',
        version,
        events: stream.slice(expectedVersion, expectedVersion + CONFLICT_EVENTS_MAX),
      };
    }
    this.#store.streams.set(streamId, stream);
    const added: EventRecord[] = [];
    for (const { id, name, data, metadata } of events) {
      const position = this.#store.all.length + 1;
      const record = { id, streamId, version: stream.length + 1, position, name, data, metadata };
      stream.push(record);
      this.#store.all.push(record);
      added.push(record);
    }
    this.#environment.queueMicrotask(() => this.#store.wakes.wake(added));
    return { kind: 'appended', version: version + 1 };
  }

  async readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]> {
    this.#assertOpen();
    return this.#store.streams.get(streamId)?.slice(after, after + limit) ?? [];
  }

  async streamVersion(streamId: string): Promise<number> {
    this.#assertOpen();
    return this.#store.streams.get(streamId)?.length ?? 0;
  }

  async readAll(after: number, limit: number, names?: readonly string[]): Promise<StorePage> {
    this.#assertOpen();
    const { all } = this.#store;
    const end = Math.min(all.length, after + (names ? LOOKED_AT_EVENTS_MAX : limit));
    const events: EventRecord[] = names ? [] : all.slice(after, end);
    // An event's position is its place in the list, counted from 1.
    let upTo = Math.max(after, end);
    for (let i = after; names && i < end; i += 1) {
      const record = all[i] as EventRecord;
      if (names.includes(record.name)) events.push(record);
      if (events.length < limit) continue;
      upTo = i + 1;
      break;
    }
    return { events, upTo, ended: upTo >= all.length };
  }

  async lastPosition(): Promise<number> {
    this.#assertOpen();
    return this.#store.all.length;
  }

  async watchStream(streamId: string, wake: Wake): Promise<Unwatch> {
    this.#assertOpen();
    return this.#untilClosed(this.#store.wakes.addStream(streamId, wake));
  }

  async watchAll(wake: Wake): Promise<Unwatch> {
    this.#assertOpen();
    return this.#untilClosed(this.#store.wakes.addAll(wake));
  }

  async loadSnapshot(streamId: string, actor: string): Promise<SnapshotRecord | undefined> {
    this.#assertOpen();
    return this.#store.snapshots.get(JSON.stringify([streamId, actor]));
  }

  async saveSnapshot(snapshot: SnapshotRecord): Promise<void> {
    this.#assertOpen();
    const key = JSON.stringify([snapshot.streamId, snapshot.actor]);
    const kept = this.#store.snapshots.get(key);
    if (kept && kept.fingerprint === snapshot.fingerprint && kept.version > snapshot.version) return;
    this.#store.snapshots.set(key, snapshot);
  }

  async deleteSnapshots(streamId?: string): Promise<void> {
    this.#assertOpen();
    for (const [key, snapshot] of this.#store.snapshots) {
      if (streamId === undefined || snapshot.streamId === streamId) this.#store.snapshots.delete(key);
    }
  }

  async beat(node: NodeRecord): Promise<void> {
    this.#assertOpen();
    this.#store.nodes.set(node.nodeId, { ...node });
  }

  async nodes(): Promise<NodeRecord[]> {
    this.#assertOpen();
    return [...this.#store.nodes.values()];
  }

  async forgetNode(nodeId: string, incarnation: string): Promise<void> {
    this.#assertOpen();
    if (this.#store.nodes.get(nodeId)?.incarnation === incarnation) this.#store.nodes.delete(nodeId);
  }

  async send(messages: readonly NodeMessage[]): Promise<void> {
    this.#assertOpen();
    this.#environment.queueMicrotask(() => {
      for (const { to, text } of messages) this.#store.receivers.get(to)?.([text]);
    });
  }

  async receive(nodeId: string, deliver: (texts: readonly string[]) => void): Promise<Unwatch> {
    this.#assertOpen();
    const { receivers } = this.#store;
    receivers.set(nodeId, deliver);
    return this.#untilClosed(() => {
      if (receivers.get(nodeId) === deliver) receivers.delete(nodeId);
    });
  }

  async addSchedules(added: readonly TickSchedule[]): Promise<TickSchedule[]> {
    this.#assertOpen();
    const { schedules } = this.#store;
    return added.map((schedule) => {
      const key = keyOf(schedule);
      const known = schedules.get(key) ?? schedule;
      const kept = { ...known, since: Math.max(known.since, schedule.since) };
      schedules.set(key, kept);
      return kept;
    });
  }

  async removeSchedules(removed: readonly TickSchedule[]): Promise<void> {
    this.#assertOpen();
    const { schedules } = this.#store;
    for (const schedule of removed) {
      const key = keyOf(schedule);
      const known = schedules.get(key);
      if (known?.owner === schedule.owner && known.since <= schedule.since) schedules.delete(key);
    }
  }

  async schedulesOf(owner: string, limit: number, after?: TickSchedule): Promise<TickSchedule[]> {
    this.#assertOpen();
    return this.#ownedBy(owner, limit, after);
  }

  async scheduleOwners(): Promise<string[]> {
    this.#assertOpen();
    return [...new Set([...this.#store.schedules.values()].map(({ owner }) => owner))];
  }

  async takeSchedules(from: string, to: string, limit: number): Promise<TickSchedule[]> {
    this.#assertOpen();
    const taken = this.#ownedBy(from, limit).map((schedule) => ({ ...schedule, owner: to }));
    for (const schedule of taken) this.#store.schedules.set(keyOf(schedule), schedule);
    return taken;
  }

  async loadCheckpoint(name: string): Promise<Checkpoint | undefined> {
    this.#assertOpen();
    return this.#store.checkpoints.get(name);
  }

  async saveCheckpoint(name: string, revision: number, value: string): Promise<boolean> {
    this.#assertOpen();
    if ((this.#store.checkpoints.get(name)?.revision ?? 0) !== revision) return false;
    this.#store.checkpoints.set(name, { revision: revision + 1, value });
    return true;
  }

  #ownedBy(owner: string, limit: number, after?: TickSchedule): TickSchedule[] {
    const beyond = after && keyOf(after);
    const keys = [...this.#store.schedules.keys()].filter((key) => beyond === undefined || key > beyond).sort();
    const all = keys.map((key) => this.#store.schedules.get(key) as TickSchedule);
    return all.filter((schedule) => schedule.owner === owner).slice(0, limit);
  }

  #untilClosed(stop: Unwatch): Unwatch {
    const unwatch = () => {
      this.#watches.delete(unwatch);
      stop();
    };
    this.#watches.add(unwatch);
    return unwatch;
  }

  #assertOpen(): void {
    if (this.#open) return;
    throw new EngineError(
      'ENGINE_CLOSED',
      'the memory engine is not open: call open() first, and no other method after close()',
    );
  }
}

/** Most events that one read by names looks at. */
const LOOKED_AT_EVENTS_MAX = 2_000;

/**
 * The store that several nodes of one process share: give each of them `new MemoryEngine({ store })`. It is gone when
 * nobody holds it any more.
 */
export class MemoryStore {
  readonly streams = new Map<string, EventRecord[]>();
  readonly all: EventRecord[] = [];
  readonly snapshots = new Map<string, SnapshotRecord>();
  readonly wakes = new WakeTable();
  readonly nodes = new Map<string, NodeRecord>();
  readonly receivers = new Map<string, (texts: readonly string[]) => void>();
  readonly schedules = new Map<string, TickSchedule>();
  readonly checkpoints = new Map<string, Checkpoint>();
}

/** The options of `new MemoryEngine()`. All have a default. */
export interface MemoryEngineOptions {
  /** The store to share with other nodes. Default: a store of its own. */
  store?: MemoryStore;
  /** Where time, timers and randomness come from; a simulation gives its own. Default: the machine. */
  environment?: Environment;
}

function keyOf({ streamId, actor }: TickSchedule): string {
  return JSON.stringify([streamId, actor]);
}
