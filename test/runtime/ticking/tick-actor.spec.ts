import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Clock, Ids } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { Runtime, RuntimeOptions } from '../../../lib/runtime/node/runtime.js';
import type { ActorRepository } from '../../../lib/runtime/refs/actor-repository.js';
import { eventually } from '../../support/eventually.js';
import { Metronome } from '../../support/one-actors.js';
import { startNode } from '../../support/runtime.js';

let running: Runtime[] = [];

/** When each event was fired, by its id, on the monotonic clock that all nodes of this process share. */
const firedAtMs = new Map<string, number>();

class TimedIds extends Ids {
  next(): string {
    const id = randomUUID();
    firedAtMs.set(id, performance.now());
    return id;
  }
}

const ids = new TimedIds();

async function startMetronomes(
  store: MemoryStore,
  nodeId: string,
  options: Partial<RuntimeOptions> = {},
): Promise<{ node: Runtime; metronomes: ActorRepository<Metronome> }> {
  const engine = new MemoryEngine({ store });
  const { node, actors } = await startNode(Metronome, { engine, nodeId, ids, heartbeatTimeoutMs: 200, ...options });
  running.push(node);
  return { node, metronomes: actors };
}

afterEach(async () => {
  await Promise.all(running.map((node) => node.stop()));
  running = [];
  firedAtMs.clear();
});

interface StoredTick {
  n: number;
  missed: number;
  atMs: number;
  firedMs: number;
  by: string;
}

function ticksIn(store: MemoryStore, streamId: string): StoredTick[] {
  const events = store.streams.get(streamId) ?? [];
  return events
    .filter(({ name }) => name === 'tick')
    .map(({ id, data, metadata }) => {
      const { at, firedBy } = JSON.parse(metadata);
      return { ...JSON.parse(data), atMs: Date.parse(at), firedMs: firedAtMs.get(id), by: firedBy.nodeId };
    });
}

const ticksBy = (store: MemoryStore, nodeId: string) => ticksIn(store, 'm').filter(({ by }) => by === nodeId);

/**
 * `missed` fits the time between two ticks: it is never more than there was time for. If one node fired both, it is at
 * most one less. That one may be lacking because the node reads its clock a moment before this spec notes the time.
 */
function expectCounted(ticks: readonly StoredTick[], everyMs: number): void {
  const counted = ticks.slice(1).map((tick, i) => {
    const before = ticks[i] as StoredTick;
    const passedMs = tick.firedMs - before.firedMs;
    const missedIn = (ms: number) => Math.max(0, Math.floor(ms / everyMs) - 1);
    const least = tick.by === before.by ? missedIn(passedMs) - 1 : 0;
    const isRight = tick.missed >= least && tick.missed <= missedIn(passedMs + ROUNDING_MS);
    return { n: tick.n, missed: tick.missed, passedMs, isRight };
  });
  expect(counted.filter(({ isRight }) => !isRight)).toEqual([]);
}

/** Once each, in order, and never closer together than the resolution. */
function expectRegular(ticks: readonly StoredTick[], everyMs: number, first = 1): void {
  expect(ticks.map(({ n }) => n)).toEqual(ticks.map((_, i) => i + first));
  for (const [i, { atMs }] of ticks.entries()) {
    if (i > 0) expect(atMs - (ticks[i - 1] as StoredTick).atMs).toBeGreaterThanOrEqual(everyMs);
  }
}

/** Takes longer to write a schedule than an idle actor stays loaded. */
class SlowSchedules extends MemoryEngine {
  override async addSchedules(schedules: Parameters<MemoryEngine['addSchedules']>[0]) {
    await sleep(300);
    return super.addSchedules(schedules);
  }
}

class OtherClock extends Clock {
  constructor(private readonly offsetMs: number) {
    super();
  }

  now(): number {
    return Date.now() + this.offsetMs;
  }
}

/** How far the time between two ticks may be off, because `Clock` gives whole milliseconds. */
const ROUNDING_MS = 2;

/** How long an outage lasts at least. Milliseconds. */
const DOWN_MS = 400;

const hasReadClock = ({ parts }: Runtime, nodeId: string) =>
  parts.cluster.membership.clocks.elapsed(nodeId, 0, performance.now()) !== undefined;

describe('TickActor', () => {
  it('ticks so many times, each stored once and never early, on four nodes', async () => {
    const store = new MemoryStore();
    const nodes = await Promise.all(['a', 'b', 'c', 'd'].map((id) => startMetronomes(store, id)));
    await sleep(50);
    const refs = await Promise.all(nodes.map(({ metronomes }) => metronomes.get('m')));
    const begunMs = Date.now();
    // All at once: it begins only once.
    await Promise.all(refs.map((ref) => ref.begin(40, 10)));
    await eventually(() => refs.every((ref) => ref.state.ticks.length >= 10) && store.schedules.size === 0);
    // No other one follows.
    await sleep(100);
    const ticks = ticksIn(store, 'm');
    expect(ticks).toHaveLength(10);
    expectRegular(ticks, 40);
    expect((ticks.at(-1) as StoredTick).atMs - begunMs).toBeGreaterThanOrEqual(400);
    for (const ref of refs) expect(ref.state.ticks).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(store.schedules.size).toBe(0);
  });

  it('goes on elsewhere when its node dies', async () => {
    const store = new MemoryStore();
    let dead: 'appends' | 'all' | undefined;
    class MortalEngine extends MemoryEngine {
      override async append(request: Parameters<MemoryEngine['append']>[0]) {
        if (dead) await new Promise(() => {});
        return super.append(request);
      }
      override async beat(record: Parameters<MemoryEngine['beat']>[0]) {
        if (dead === 'all') await new Promise(() => {});
        return super.beat(record);
      }
    }
    const a = await startMetronomes(store, 'a', { engine: new MortalEngine({ store }), shutdownTimeoutMs: 0 });
    const b = await startMetronomes(store, 'b');
    await eventually(() => hasReadClock(b.node, 'a'));
    await (await a.metronomes.get('m')).begin(30);
    await eventually(() => ticksBy(store, 'a').length >= 3);
    dead = 'appends';
    // As long as that, at least, there are no ticks, however late its last heartbeat was.
    await sleep(DOWN_MS);
    dead = 'all';
    await eventually(() => ticksBy(store, 'b').length >= 3);
    await (await b.metronomes.get('m')).end();
    const ticks = ticksIn(store, 'm');
    expectRegular(ticks, 30);
    expectCounted(ticks, 30);
    expect(new Set(ticks.map(({ by }) => by))).toEqual(new Set(['a', 'b']));
    const [first] = ticksBy(store, 'b') as [StoredTick];
    // It knows the other's clock by heartbeats, of which it reads some late.
    expect(first.missed).toBeGreaterThan(DOWN_MS / 2 / 30);
    expect((await b.metronomes.get('m')).state.missed).toBeGreaterThanOrEqual(first.missed);
  });

  it('goes on elsewhere at once when its node leaves', async () => {
    /** Does not look for schedules by itself. It only learns of those that a leaving node hands over. */
    class Unsearching extends MemoryEngine {
      override async scheduleOwners() {
        return [];
      }
    }
    const store = new MemoryStore();
    const heartbeatTimeoutMs = 3_600_000;
    const a = await startMetronomes(store, 'a', { heartbeatTimeoutMs });
    const b = await startMetronomes(store, 'b', { engine: new Unsearching({ store }), heartbeatTimeoutMs });
    // They know each other.
    await eventually(() => b.node.parts.cluster.membership.isAlive('a'));
    await (await a.metronomes.get('m')).begin(20);
    await eventually(() => ticksBy(store, 'a').length >= 3);
    await a.node.stop();
    await eventually(() => ticksBy(store, 'b').length >= 3);
    const ticks = ticksIn(store, 'm');
    expectRegular(ticks, 20);
    expectCounted(ticks, 20);
  });

  it('counts what it missed while every node was down, in one tick, and keeps its count', async () => {
    const count = 30;
    const store = new MemoryStore();
    const a = await startMetronomes(store, 'a');
    await (await a.metronomes.get('m')).begin(20, count);
    await eventually(() => ticksIn(store, 'm').length >= 3);
    await a.node.stop();
    const before = ticksIn(store, 'm').length;
    expect(before).toBeLessThan(count);
    await sleep(DOWN_MS);
    await startMetronomes(store, 'b');
    await eventually(() => ticksIn(store, 'm').length >= count);
    // No other one follows.
    await sleep(60);
    const ticks = ticksIn(store, 'm');
    expectRegular(ticks, 20);
    expectCounted(ticks, 20);
    expect(ticks).toHaveLength(count);
    expect((ticks[before] as StoredTick).missed).toBeGreaterThanOrEqual(DOWN_MS / 20 - 2);
  });

  it('stays stopped across restarts', async () => {
    const store = new MemoryStore();
    const a = await startMetronomes(store, 'a');
    const metronome = await a.metronomes.get('m');
    await metronome.begin(20);
    await eventually(() => ticksIn(store, 'm').length >= 2);
    await metronome.end();
    const count = ticksIn(store, 'm').length;
    await a.node.stop();
    await startMetronomes(store, 'b');
    await sleep(150);
    expect(ticksIn(store, 'm')).toHaveLength(count);
    await eventually(() => store.schedules.size === 0);
  });

  it('begins anew with other options, changes nothing with the same, and does not begin when its command fails', async () => {
    const store = new MemoryStore();
    const { metronomes } = await startMetronomes(store, 'a');
    const metronome = await metronomes.get('m');
    await metronome.begin(20, 3);
    await metronome.begin(20, 3);
    await eventually(() => ticksIn(store, 'm').length >= 3);
    await sleep(60);
    await metronome.begin(30, 2);
    await eventually(() => ticksIn(store, 'm').length >= 5);
    await sleep(60);
    expect(ticksIn(store, 'm').map(({ n }) => n)).toEqual([1, 2, 3, 1, 2]);
    expect(store.streams.get('m')?.filter(({ name }) => name === '$ticking')).toHaveLength(2);
    const failing = await metronomes.get('f');
    await expect(failing.beginAndFail()).rejects.toThrow('no');
    await sleep(60);
    expect(ticksIn(store, 'f')).toEqual([]);
  });

  it('stays loaded on its node as long as it ticks', async () => {
    const store = new MemoryStore();
    const { node, metronomes } = await startMetronomes(store, 'a', { passivateAfterMs: 30 });
    (await metronomes.get('idle')).release();
    await eventually(() => node.residents === 0);
    const ref = await metronomes.get('m');
    await ref.begin(20, 10);
    ref.release();
    const residents = new Set<number>();
    await eventually(() => {
      const isOver = ticksIn(store, 'm').length >= 10;
      if (!isOver) residents.add(node.residents);
      return isOver;
    });
    expect([...residents]).toEqual([1]);
    await eventually(() => node.residents === 0);
    expect(ticksIn(store, 'm')).toHaveLength(10);
  });

  it('stays loaded while its schedule is claimed, however long that takes', async () => {
    const store = new MemoryStore();
    const { node, metronomes } = await startMetronomes(store, 'a');
    await (await metronomes.get('m')).begin(20);
    await eventually(() => ticksIn(store, 'm').length > 2);
    // As if it had been killed: its schedule is there, and it may begin with it.
    running = running.filter((each) => each !== node);
    const before = store.schedules.size;
    await node.stop();
    expect(store.schedules.size).toBe(before);
    const count = ticksIn(store, 'm').length;

    const engine = new SlowSchedules({ store });
    await startMetronomes(store, 'a', { engine, passivateAfterMs: 20 });
    await eventually(() => ticksIn(store, 'm').length > count + 3);
  });

  it('keeps its rhythm between nodes whose clocks are an hour apart', async () => {
    const store = new MemoryStore();
    const a = await startMetronomes(store, 'a', { clock: new OtherClock(3_600_000) });
    const b = await startMetronomes(store, 'b');
    const c = await startMetronomes(store, 'c', { clock: new OtherClock(-3_600_000) });
    await eventually(() => [b, c].every(({ node }) => hasReadClock(node, 'a')));
    await (await a.metronomes.get('m')).begin(40);
    await eventually(() => ticksBy(store, 'a').length >= 3);
    await a.node.stop();
    await eventually(() => ticksIn(store, 'm').length - ticksBy(store, 'a').length >= 3);
    await (await c.metronomes.get('m')).end();
    const ticks = ticksIn(store, 'm');
    expectRegular(ticks, 40);
    expectCounted(ticks, 40);
  });

  it('refuses intervals and counts that make no sense, and ticks that are made by hand', async () => {
    const { metronomes } = await startMetronomes(new MemoryStore(), 'a');
    const metronome = await metronomes.get('m');
    for (const [everyMs, count] of [[0], [-1], [Number.NaN], [5], [1e15], [20, 0], [20, 1.5]] as [number, number?][]) {
      await expect(metronome.begin(everyMs, count)).rejects.toMatchObject({ code: 'INVALID_TICKING' });
    }
    await expect(metronome.forge()).rejects.toMatchObject({ code: 'NO_TURN' });
  });

  it('ticks on after a snapshot', async () => {
    const store = new MemoryStore();
    const a = await startMetronomes(store, 'a', { snapshotEvery: 2 });
    await (await a.metronomes.get('m')).begin(20);
    await eventually(() => ticksBy(store, 'a').length >= 4);
    await a.node.stop();
    expect(store.snapshots.size).toBe(1);
    const b = await startMetronomes(store, 'b', { snapshotEvery: 2 });
    await eventually(() => ticksBy(store, 'b').length >= 3);
    const metronome = await b.metronomes.get('m');
    await metronome.end();
    const ticks = ticksIn(store, 'm');
    expectRegular(ticks, 20);
    expect(metronome.state.ticks).toEqual(ticks.map(({ n }) => n));
  });
});
