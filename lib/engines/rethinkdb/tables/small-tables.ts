import type { Checkpoint, NodeRecord, SnapshotRecord, TickSchedule } from '../../../engine/duties/index.js';
import { hashOf } from '../commits/index.js';
import type { Connections, Reql, Term } from '../connections/index.js';

/** Heartbeats, tick schedules, snapshots and checkpoints: documents that are replaced. */
export class SmallTables {
  readonly #r: Reql;
  readonly #connections: Connections;
  readonly #nodes: Term;
  readonly #schedules: Term;
  readonly #snapshots: Term;
  readonly #checkpoints: Term;

  constructor(r: Reql, db: Term, connections: Connections) {
    this.#r = r;
    this.#connections = connections;
    this.#nodes = db.table('nodes');
    this.#schedules = db.table('schedules', { readMode: 'majority' });
    this.#snapshots = db.table('snapshots');
    this.#checkpoints = db.table('checkpoints', { readMode: 'majority' });
  }

  async beat(node: NodeRecord): Promise<void> {
    const document = { id: hashOf([node.nodeId]), ...node };
    await this.#connections.write(this.#nodes.insert(document, { conflict: 'replace', durability: 'soft' }));
  }

  async nodes(): Promise<NodeRecord[]> {
    const found = await this.#connections.read<NodeRecord[]>(this.#nodes.coerceTo('array'));
    return found.map(({ nodeId, incarnation, beat, clockMs }) => ({ nodeId, incarnation, beat, clockMs }));
  }

  async forgetNode(nodeId: string, incarnation: string): Promise<void> {
    const own = this.#nodes.getAll(hashOf([nodeId])).filter({ incarnation });
    await this.#connections.write(own.delete({ durability: 'soft' }));
  }

  async addSchedules(schedules: readonly TickSchedule[]): Promise<TickSchedule[]> {
    if (schedules.length === 0) return [];
    const documents = schedules.map((schedule) => documentOf(schedule));
    const keys = documents.map(({ id }) => id);
    // A schedule that exists stays, and takes the higher version.
    const conflict = (_id: Term, old: Term, added: Term) =>
      this.#r.branch(sinceOf(old).lt(added('since')), old.merge({ since: added('since') }), old);
    const insert = this.#schedules.insert(this.#r.json(JSON.stringify(newestById(documents))), {
      conflict,
      returnChanges: 'always',
    });
    const { changes } = await this.#connections.write<{ changes: { new_val: ScheduleDocument }[] }>(insert);
    const byKey = new Map(changes.map(({ new_val }) => [new_val.id, scheduleOf(new_val)]));
    return keys.map((key) => byKey.get(key) as TickSchedule);
  }

  async removeSchedules(schedules: readonly TickSchedule[]): Promise<void> {
    const byOwner = new Map<string, Map<string, number>>();
    for (const { owner, since, ...schedule } of schedules) {
      const removed = byOwner.get(owner) ?? new Map<string, number>();
      byOwner.set(owner, removed);
      const key = keyOf(schedule);
      removed.set(key, Math.max(since, removed.get(key) ?? since));
    }
    for (const [owner, removed] of byOwner) await this.#removeOf(owner, removed);
  }

  /** @param removed versions by key. */
  async #removeOf(owner: string, removed: ReadonlyMap<string, number>): Promise<void> {
    const rows = this.#schedules.getAll(this.#r.args([...removed.keys()]));
    // Each document decides at the moment of its removal, because it may have changed since it was found.
    const remove = (versions: Term) =>
      rows.replace((row: Term) => {
        const isMeant = row('owner')
          .eq(owner)
          .and(sinceOf(row).le(versions(row('id'))));
        return this.#r.branch(isMeant, null, row);
      });
    const versions = this.#r.json(JSON.stringify(Object.fromEntries(removed)));
    await this.#connections.write(this.#r.do(versions, remove));
  }

  async schedulesOf(owner: string, limit: number, after?: TickSchedule): Promise<TickSchedule[]> {
    const own = this.#schedules.getAll(owner, { index: 'owner' }).orderBy('id');
    const rest = after ? own.filter(this.#r.row('id').gt(keyOf(after))) : own;
    const found = await this.#connections.read<ScheduleDocument[]>(rest.limit(limit).coerceTo('array'), ARRAYS);
    return found.map(scheduleOf);
  }

  scheduleOwners(): Promise<string[]> {
    return this.#connections.read(this.#schedules.distinct({ index: 'owner' }).coerceTo('array'));
  }

  async takeSchedules(from: string, to: string, limit: number): Promise<TickSchedule[]> {
    const change = this.#r.branch(this.#r.row('owner').eq(from), { owner: to }, {});
    const take = this.#schedules.getAll(from, { index: 'owner' }).limit(limit).update(change, { returnChanges: true });
    const { changes = [] } = await this.#connections.write<{ changes?: { new_val: ScheduleDocument }[] }>(take);
    return changes.map(({ new_val }) => scheduleOf(new_val));
  }

  async loadCheckpoint(name: string): Promise<Checkpoint | undefined> {
    const query = this.#checkpoints.get(hashOf([name])).default(null);
    const found = await this.#connections.read<Checkpoint | null>(query);
    return found ? { revision: found.revision, value: found.value } : undefined;
  }

  async saveCheckpoint(name: string, revision: number, value: string): Promise<boolean> {
    const document = { id: hashOf([name]), name, revision: revision + 1, value };
    // One document, so the comparison and the change are atomic.
    const isNext = this.#r.row('revision').default(0).eq(revision);
    const save = this.#checkpoints.get(document.id).replace(this.#r.branch(isNext, document, this.#r.row));
    const { inserted, replaced } = await this.#connections.write<{ inserted: number; replaced: number }>(save);
    return inserted + replaced > 0;
  }

  async loadSnapshot(streamId: string, actor: string): Promise<SnapshotRecord | undefined> {
    const query = this.#snapshots.get(hashOf([streamId, actor])).default(null);
    const found = await this.#connections.read<(SnapshotRecord & { id: string; stream: string }) | null>(query);
    if (!found) return undefined;
    const { id: _id, stream: _stream, ...snapshot } = found;
    return snapshot;
  }

  async saveSnapshot(snapshot: SnapshotRecord): Promise<void> {
    const { streamId, actor } = snapshot;
    const document = { id: hashOf([streamId, actor]), stream: hashOf([streamId]), ...snapshot };
    const conflict = (_id: Term, old: Term, next: Term) =>
      this.#r.branch(
        old('fingerprint')
          .eq(next('fingerprint'))
          .and(old('version').gt(next('version'))),
        old,
        next,
      );
    await this.#connections.write(
      this.#snapshots.insert(this.#r.json(JSON.stringify(document)), { conflict, durability: 'soft' }),
    );
  }

  async deleteSnapshots(streamId?: string): Promise<void> {
    const gone =
      streamId === undefined ? this.#snapshots : this.#snapshots.getAll(hashOf([streamId]), { index: 'stream' });
    await this.#connections.write(gone.delete());
  }
}

/** The schedule as it was given, without what may change. */
interface ScheduleDocument {
  readonly id: string;
  readonly of: Pick<TickSchedule, 'streamId' | 'actor' | 'id'>;
  readonly owner: string;
  /** Missing if an older version of the library wrote the document. */
  readonly since?: number;
}

/** The server refuses arrays longer than its default, unless a query raises the limit. */
const ARRAYS = { arrayLimit: 1_000_000 };

function documentOf(schedule: TickSchedule): Required<ScheduleDocument> {
  const { streamId, actor, id, owner, since } = schedule;
  return { id: keyOf(schedule), of: { streamId, actor, id }, owner, since };
}

/** Returns one schedule for each id: the first one, with the highest version. */
function newestById(documents: readonly Required<ScheduleDocument>[]): ScheduleDocument[] {
  const byId = new Map<string, Required<ScheduleDocument>>();
  for (const document of documents) {
    const known = byId.get(document.id) ?? document;
    byId.set(document.id, { ...known, since: Math.max(known.since, document.since) });
  }
  return [...byId.values()];
}

function sinceOf(row: Term): Term {
  return row('since').default(0);
}

function keyOf({ streamId, actor }: Pick<TickSchedule, 'streamId' | 'actor'>): string {
  return hashOf([streamId, actor]);
}

function scheduleOf({ of, owner, since = 0 }: ScheduleDocument): TickSchedule {
  return { ...of, owner, since };
}
