import type { AppendRequest, AppendResult } from '../../lib/engine/append.js';
import type { Unwatch, Wake } from '../../lib/engine/follow.js';
import type { SnapshotRecord } from '../../lib/engine/snapshots.js';
import { MemoryEngine, MemoryStore } from '../../lib/engines/memory/index.js';
import type { EventRecord } from '../../lib/kernel/event.js';

/** Ways in which engines really go wrong. */
export const SABOTAGES = [
  'takes any expected version that is not beyond the end',
  'leaves a hole when the expected version is beyond the end',
  'forgets the last event of a commit of several',
  'gives a conflict without the events that came first',
  'cuts long ids and folds their case',
  'cuts payloads at 64 KiB and escapes again',
  'reads one event too few in a page',
  'gives positions in the order of streams',
  'ignores the names asked for',
  'does not hear other nodes',
  'never wakes anybody',
  'wakes for every stream',
  'does not stop a watch',
  'shares snapshots between classes',
  'keeps the newest snapshot whatever its meaning',
  'deletes no snapshots',
  'forgets everything on close',
  'drops writes under way on close',
  'works on after close',
  'can be opened once only',
] as const;

export type Sabotage = (typeof SABOTAGES)[number];

/** What broken nodes share. */
export class BrokenStore {
  memory = new MemoryStore();
  opened = 0;
  /** Who made the commit that watchers are being told of. */
  writer: object | undefined;
}

/** A memory engine with faults that can be switched on one by one; with none it is sound. */
export class BrokenEngine extends MemoryEngine {
  readonly #store: BrokenStore;
  readonly #sabotages: ReadonlySet<Sabotage>;
  #closed = false;

  constructor(store: BrokenStore, sabotages: ReadonlySet<Sabotage>) {
    super({ store: store.memory });
    this.#store = store;
    this.#sabotages = sabotages;
  }

  #has(sabotage: Sabotage): boolean {
    return this.#sabotages.has(sabotage);
  }

  override async open(): Promise<void> {
    this.#store.opened += 1;
    await super.open();
    if (this.#has('can be opened once only') && this.#store.opened > 1) throw new Error('the database exists already');
  }

  override async close(): Promise<void> {
    this.#closed = true;
    if (this.#has('forgets everything on close')) {
      this.#store.memory.streams.clear();
      this.#store.memory.all.length = 0;
    }
    if (!this.#has('works on after close')) await super.close();
  }

  override async append(request: AppendRequest): Promise<AppendResult> {
    const late = this.#has('drops writes under way on close');
    if (late) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#closed) throw new Error('gone');
    }
    const streamId = this.#id(request.streamId);
    const version = this.#store.memory.streams.get(streamId)?.length ?? 0;
    let { expectedVersion, events } = request;
    const beyond = expectedVersion !== 'any' && expectedVersion > version;
    if (beyond && this.#has('leaves a hole when the expected version is beyond the end')) expectedVersion = 'any';
    if (!beyond && this.#has('takes any expected version that is not beyond the end')) expectedVersion = 'any';
    if (events.length > 1 && this.#has('forgets the last event of a commit of several')) events = events.slice(0, -1);
    if (this.#has('cuts payloads at 64 KiB and escapes again')) {
      events = events.map((event) => ({ ...event, data: event.data.slice(0, 65_536).replaceAll('\\', '\\\\') }));
    }
    this.#store.writer = this;
    const result = await super.append({ streamId, expectedVersion, events });
    if (result.kind === 'conflict' && this.#has('gives a conflict without the events that came first'))
      return { ...result, events: [] };
    return result;
  }

  override async readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]> {
    const page = await super.readStream(this.#id(streamId), after, limit);
    return this.#has('reads one event too few in a page') ? page.slice(1) : page;
  }

  override async readAll(after: number, limit: number, names?: readonly string[]): Promise<EventRecord[]> {
    const wanted = this.#has('ignores the names asked for') ? undefined : names;
    if (!this.#has('gives positions in the order of streams')) return super.readAll(after, limit, wanted);
    const byStream = [...this.#store.memory.streams.values()].flat().map((event, i) => ({ ...event, position: i + 1 }));
    return byStream
      .filter(({ position, name }) => position > after && (!wanted || wanted.includes(name)))
      .slice(0, limit);
  }

  override async watchStream(streamId: string, wake: Wake): Promise<Unwatch> {
    const heard = this.#hearing(wake);
    const watching = this.#has('wakes for every stream')
      ? super.watchAll(heard)
      : super.watchStream(this.#id(streamId), heard);
    return this.#stopping(await watching);
  }

  override async watchAll(wake: Wake): Promise<Unwatch> {
    return this.#stopping(await super.watchAll(this.#hearing(wake)));
  }

  override async loadSnapshot(streamId: string, actor: string): Promise<SnapshotRecord | undefined> {
    return super.loadSnapshot(streamId, this.#has('shares snapshots between classes') ? 'one' : actor);
  }

  override async saveSnapshot(snapshot: SnapshotRecord): Promise<void> {
    const actor = this.#has('shares snapshots between classes') ? 'one' : snapshot.actor;
    const kept = await super.loadSnapshot(snapshot.streamId, actor);
    if (kept && kept.version > snapshot.version && this.#has('keeps the newest snapshot whatever its meaning')) return;
    await super.saveSnapshot({ ...snapshot, actor });
  }

  override async deleteSnapshots(streamId?: string): Promise<void> {
    if (!this.#has('deletes no snapshots')) await super.deleteSnapshots(streamId);
  }

  #id(streamId: string): string {
    return this.#has('cuts long ids and folds their case') ? streamId.slice(0, 255).trim().toLowerCase() : streamId;
  }

  #hearing(wake: Wake): Wake {
    if (this.#has('never wakes anybody')) return () => {};
    if (!this.#has('does not hear other nodes')) return wake;
    return (events) => {
      if (this.#store.writer === this) wake(events);
    };
  }

  #stopping(unwatch: Unwatch): Unwatch {
    return this.#has('does not stop a watch') ? () => {} : unwatch;
  }
}
