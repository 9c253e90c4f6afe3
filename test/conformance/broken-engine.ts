import type { AppendRequest, AppendResult } from '../../lib/engine/duties/append.js';
import type { Unwatch, Wake } from '../../lib/engine/duties/follow.js';
import type { StorePage } from '../../lib/engine/duties/read.js';
import type { SnapshotRecord } from '../../lib/engine/duties/snapshots.js';
import { MemoryStore } from '../../lib/engines/memory/index.js';
import type { EventRecord } from '../../lib/kernel/values/event.js';
import { BrokenCluster, CLUSTER_SABOTAGES, type ClusterSabotage } from './broken-cluster.js';

/** Ways in which engines really go wrong. */
export const SABOTAGES = [
  'takes any expected version that is not beyond the end',
  'leaves a hole when the expected version is beyond the end',
  'forgets the last event of a commit of several',
  'looks at the version first and stores a moment later',
  'gives events ids of its own',
  'gives a conflict without the events that came first',
  'gives a conflict more events than fit',
  'loses the last of many appends made at once',
  'cuts long ids and folds their case',
  'cuts payloads at 64 KiB and escapes again',
  'reads one event too few in a page',
  'reads what other nodes stored a moment late',
  'shows the whole store before earlier commits are visible',
  'gives positions in the order of streams',
  'counts positions anew on every node',
  'shows only what was stored after it was opened',
  'tells of positions before it shows them',
  'ignores the names asked for',
  'says of every page of the store that it is the last',
  'says of pages of the store that they hold what was stored meanwhile',
  'stays where nothing is asked for',
  'does not hear other nodes',
  'begins to watch a little later than it says',
  'brings along events before they have their version',
  'brings along only the first event of a commit',
  'never wakes anybody',
  'wakes for every stream',
  'does not stop a watch',
  'does not stop its watches on close',
  'shares snapshots between classes',
  'keeps the newest snapshot whatever its meaning',
  'deletes no snapshots',
  'forgets everything on close',
  'drops writes under way on close',
  'works on after close',
  'cannot be opened by two at the same time',
  ...CLUSTER_SABOTAGES,
] as const;

export type Sabotage = (typeof SABOTAGES)[number];

/** What broken nodes share. */
export class BrokenStore {
  memory = new MemoryStore();
  created = 0;
  opening = 0;
  /** Who stored an event, and when. */
  readonly origins = new Map<string, { node: object; atMs: number }>();
  appending = 0;
  /** Who made the commit that watchers are being told of. */
  writer: object | undefined;
}

/** A memory engine with faults that can be switched on one by one; with none it is sound. */
export class BrokenEngine extends BrokenCluster {
  readonly #store: BrokenStore;
  readonly #sabotages: ReadonlySet<Sabotage>;
  readonly #number: number;
  #closed = false;
  #openedAt = 0;

  constructor(store: BrokenStore, sabotages: ReadonlySet<Sabotage>) {
    super({ store: store.memory });
    this.#store = store;
    this.#sabotages = sabotages;
    this.#number = store.created += 1;
  }

  protected override has(sabotage: ClusterSabotage): boolean {
    return this.#has(sabotage);
  }

  protected override get shared(): MemoryStore {
    return this.#store.memory;
  }

  #has(sabotage: Sabotage): boolean {
    return this.#sabotages.has(sabotage);
  }

  override async open(): Promise<void> {
    this.#store.opening += 1;
    await turnOfTheLoop();
    const together = this.#store.opening > 1;
    await turnOfTheLoop();
    this.#store.opening -= 1;
    if (together && this.#has('cannot be opened by two at the same time')) throw new Error('the table exists already');
    this.#openedAt = this.#store.memory.all.length;
    await super.open();
  }

  override async close(): Promise<void> {
    this.#closed = true;
    if (this.#has('forgets everything on close')) {
      this.#store.memory.streams.clear();
      this.#store.memory.all.length = 0;
      this.#store.memory.schedules.clear();
      this.#store.memory.checkpoints.clear();
    }
    if (!this.#has('works on after close')) await super.close();
  }

  override async append(request: AppendRequest): Promise<AppendResult> {
    if (this.#closed && !this.#has('works on after close')) return super.append(request);
    if (this.#has('drops writes under way on close')) {
      await turnOfTheLoop();
      if (this.#closed) throw new Error('gone');
    }
    if (this.#has('loses the last of many appends made at once')) {
      this.#store.appending += 1;
      const last = this.#store.appending === 300;
      await turnOfTheLoop();
      this.#store.appending = 0;
      if (last) return { kind: 'appended', version: 1 };
    }
    const { streamId, expectedVersion, events } = this.#distorted(request);
    this.#store.writer = this;
    for (const { id } of events) this.#store.origins.set(id, { node: this, atMs: performance.now() });
    if (this.#has('looks at the version first and stores a moment later')) {
      const version = await super.streamVersion(streamId);
      await turnOfTheLoop();
      if (expectedVersion === 'any' || expectedVersion === version) {
        await super.append({ streamId, expectedVersion: 'any', events });
        return { kind: 'appended', version: version + 1 };
      }
    }
    const result = await super.append({ streamId, expectedVersion, events });
    if (result.kind === 'appended') return result;
    if (this.#has('gives a conflict without the events that came first')) return { ...result, events: [] };
    if (this.#has('gives a conflict more events than fit') && typeof expectedVersion === 'number')
      return { ...result, events: await super.readStream(streamId, expectedVersion, Number.MAX_SAFE_INTEGER) };
    return result;
  }

  #distorted(request: AppendRequest): AppendRequest {
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
    if (this.#has('gives events ids of its own')) events = events.map((event) => ({ ...event, id: `id-${event.id}` }));
    return { streamId, expectedVersion, events };
  }

  override async readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]> {
    const page = await super.readStream(this.#id(streamId), after, limit);
    if (this.#has('reads what other nodes stored a moment late')) return page.filter(({ id }) => !this.#isFresh(id));
    if (this.#has('shows only what was stored after it was opened')) return page.filter((event) => this.#isNew(event));
    return this.#has('reads one event too few in a page') ? page.slice(1) : page;
  }

  override async readAll(after: number, limit: number, names?: readonly string[]): Promise<StorePage> {
    const wanted = this.#has('ignores the names asked for') ? undefined : names;
    if (this.#has('gives positions in the order of streams')) {
      return pageOf([...this.#store.memory.streams.values()].flat(), after, limit, wanted);
    }
    if (this.#has('counts positions anew on every node')) {
      const { events: own } = await super.readAll(0, Number.MAX_SAFE_INTEGER);
      return pageOf(this.#number % 2 ? own : [...own].sort((a, b) => (a.id < b.id ? -1 : 1)), after, limit, wanted);
    }
    const page = await super.readAll(after, limit, wanted);
    const events = await this.#shown(page.events);
    if (this.#has('says of every page of the store that it is the last')) return { ...page, events, ended: true };
    if (this.#has('says of pages of the store that they hold what was stored meanwhile'))
      return { ...page, events, upTo: Math.max(page.upTo, await super.lastPosition()) };
    if (this.#has('stays where nothing is asked for'))
      return { events, upTo: events.at(-1)?.position ?? after, ended: events.length === 0 };
    return { ...page, events };
  }

  async #shown(found: readonly EventRecord[]): Promise<readonly EventRecord[]> {
    const isLate = this.#has('tells of positions before it shows them');
    const known = isLate ? found.filter(({ id }) => !this.#isFresh(id)) : found;
    const isBlind = this.#has('shows only what was stored after it was opened');
    const shown = isBlind ? known.filter((event) => this.#isNew(event)) : known;
    if (!this.#has('shows the whole store before earlier commits are visible')) return shown;
    const last = await super.lastPosition();
    return shown.filter(({ position }) => position % 3 !== 0 || last - position >= 4);
  }

  #isNew({ position }: EventRecord): boolean {
    return position > this.#openedAt;
  }

  #isFresh(id: string): boolean {
    const origin = this.#store.origins.get(id);
    return origin !== undefined && origin.node !== this && performance.now() - origin.atMs < 5;
  }

  override async watchStream(streamId: string, wake: Wake): Promise<Unwatch> {
    const id = this.#id(streamId);
    const begin = (heard: Wake) =>
      this.#has('wakes for every stream') ? super.watchAll(heard) : super.watchStream(id, heard);
    return this.#watching(wake, begin, id);
  }

  override async watchAll(wake: Wake): Promise<Unwatch> {
    return this.#watching(wake, (heard) => super.watchAll(heard));
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

  async #watching(wake: Wake, begin: (heard: Wake) => Promise<Unwatch>, streamId?: string): Promise<Unwatch> {
    const heard = this.#hearing(wake);
    if (this.#has('begins to watch a little later than it says')) {
      let ended = false;
      let unwatch: Unwatch = () => (ended = true);
      setTimeout(() => {
        if (ended || this.#closed) return;
        void begin(heard).then((stop) => (unwatch = stop));
      }, 5);
      return () => unwatch();
    }
    if (this.#has('does not stop its watches on close')) {
      const { wakes } = this.#store.memory;
      const unwatch = await begin(() => {});
      unwatch();
      return streamId === undefined ? wakes.addAll(heard) : wakes.addStream(streamId, heard);
    }
    const unwatch = await begin(heard);
    return this.#has('does not stop a watch') ? () => {} : unwatch;
  }

  #hearing(wake: Wake): Wake {
    if (this.#has('never wakes anybody')) return () => {};
    if (this.#has('brings along only the first event of a commit')) return (events) => wake(events.slice(0, 1));
    if (this.#has('brings along events before they have their version'))
      return (events) => wake(events.map((event) => ({ ...event, version: event.version + 1 })));
    if (!this.#has('does not hear other nodes')) return wake;
    return (events) => {
      if (this.#store.writer === this) wake(events);
    };
  }
}

/** A page of `all` as if their order gave the positions. */
function pageOf(all: readonly EventRecord[], after: number, limit: number, names?: readonly string[]): StorePage {
  const rest = all
    .map((event, i) => ({ ...event, position: i + 1 }))
    .filter(({ position, name }) => position > after && (!names || names.includes(name)));
  const events = rest.slice(0, limit);
  const ended = events.length === rest.length;
  return { events, upTo: ended ? Math.max(after, all.length) : (events.at(-1)?.position ?? after), ended };
}

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
