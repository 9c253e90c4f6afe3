import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { Actor, Command, EventHandler, LiveActor } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import type { Engine } from '../../../lib/engine/duties/engine.js';
import { Counter, Tally } from '../../support/actors.js';
import { startNode } from '../../support/runtime.js';
import { randomFrom, seedFor } from '../../support/seed.js';

interface PointState {
  points: number;
}
interface PointEvents {
  scored: { n: number };
}

/** Four versions of one class, as they might be deployed one after another; each counts how often its handler ran. */
function versions() {
  const runs = { handler: 0 };
  @Actor({ name: 'Points' })
  class First extends LiveActor<PointState, PointEvents> {
    initialState() {
      return { points: 0 };
    }
    @Command() score(n: number): void {
      this.fire('scored', { n });
    }
    @EventHandler() scored({ n }: PointEvents['scored']) {
      runs.handler += 1;
      this.state.points += n;
    }
  }
  @Actor({ name: 'Points' })
  class OtherHandler extends LiveActor<PointState, PointEvents> {
    initialState() {
      return { points: 0 };
    }
    @EventHandler() scored({ n }: PointEvents['scored']) {
      runs.handler += 1;
      this.state.points += 2 * n;
    }
  }
  @Actor({ name: 'Points' })
  class OtherStart extends LiveActor<PointState, PointEvents> {
    initialState() {
      return { points: 100 };
    }
    @EventHandler() scored({ n }: PointEvents['scored']) {
      runs.handler += 1;
      this.state.points += n;
    }
  }
  @Actor({ name: 'Points', revision: 1 })
  class OtherRevision extends First {}
  return { First, OtherHandler, OtherStart, OtherRevision, runs };
}

/** A store with 25 events of `First`, and a snapshot at version 20 of them. */
async function stored(open: () => Engine) {
  const all = versions();
  const { actors, node } = await startNode(all.First, { engine: open(), snapshotEvery: 10 });
  const points = await actors.get('x');
  for (let i = 0; i < 25; i += 1) await points.score(1);
  await sleep(2);
  await node.stop();
  all.runs.handler = 0;
  return all;
}

async function loaded(actorClass: new () => LiveActor<PointState, PointEvents>, engine: Engine): Promise<number> {
  const { actors, node } = await startNode(actorClass, { engine, snapshotEvery: 10 });
  const { points } = (await actors.get('x')).state;
  await node.stop();
  return points;
}

describe('snapshots', () => {
  let store: MemoryStore;
  const engine = () => new MemoryEngine({ store });
  beforeEach(() => {
    store = new MemoryStore();
  });

  it('are taken every so many events, and spare reading those before', async () => {
    const { First, runs } = await stored(engine);
    expect([...store.snapshots.values()]).toMatchObject([
      { streamId: 'x', actor: 'Points', version: 20, state: '{"state":{"points":20}}' },
    ]);
    expect(await loaded(First, engine())).toBe(25);
    expect(runs.handler).toBe(5);
  });

  it('are not taken with snapshotEvery 0', async () => {
    const { actors, node } = await startNode(Counter, { engine: engine(), snapshotEvery: 0 });
    const counter = await actors.get('x');
    for (let i = 0; i < 30; i += 1) await counter.add();
    await node.stop();
    expect(store.snapshots.size).toBe(0);
  });

  it('are thrown away when a handler, the initial state or the revision changed', async () => {
    const { OtherHandler, OtherStart, OtherRevision, runs } = await stored(engine);
    for (const [changed, points] of [
      [OtherHandler, 50],
      [OtherStart, 125],
      [OtherRevision, 25],
    ] as const) {
      runs.handler = 0;
      const copy = new Map(store.snapshots);
      expect(await loaded(changed, engine())).toBe(points);
      expect(runs.handler).toBe(25);
      for (const [key, snapshot] of copy) store.snapshots.set(key, snapshot);
    }
  });

  it.each([
    ['its state is cut', (s: { state: string }) => ({ state: s.state.slice(0, -1) })],
    ['its state was edited', () => ({ state: '{"points":1000000}' })],
    ['its version was edited', () => ({ version: 24 })],
    ['its checksum is gone', () => ({ checksum: '' })],
    ['it claims another stream', () => ({ streamId: 'y' })],
  ])('are ignored when damaged: %s', async (_, damage) => {
    const { First, runs } = await stored(engine);
    for (const [key, snapshot] of store.snapshots) store.snapshots.set(key, { ...snapshot, ...damage(snapshot) });
    expect(await loaded(First, engine())).toBe(25);
    expect(runs.handler).toBe(25);
  });

  it('are ignored when the stream has another past than the one they stand on', async () => {
    const { First, runs } = await stored(engine);
    const events = store.streams.get('x') ?? [];
    events.splice(19, 1, { ...(events[19] as (typeof events)[0]), id: 'restored', data: '{"n":1000}' });
    expect(await loaded(First, engine())).toBe(1024);
    expect(runs.handler).toBe(25);
    store.streams.set('x', events.slice(0, 10));
    expect(await loaded(First, engine())).toBe(10);
  });

  it('change nothing but time: with, without, and with random ones deleted, every load gives the full fold', async () => {
    const random = randomFrom(seedFor('snapshots'));
    const { actors, node } = await startNode(Counter, { engine: engine(), snapshotEvery: 7 });
    for (let i = 0; i < 300; i += 1) {
      const id = `s${Math.floor(random() * 4)}`;
      const counter = await actors.get(id);
      const what = random();
      if (what < 0.4) await counter.add(Math.floor(random() * 9));
      else if (what < 0.6) await counter.take(1);
      else if (what < 0.8) await counter.note(`n${i}`);
      else if (what < 0.83) await counter.fire('reset');
      else counter.release();
      if (random() < 0.05) await node.parts.engine.deleteSnapshots(random() < 0.5 ? id : undefined);
    }
    await node.stop();
    const withSnapshots = await statesOf({ snapshotEvery: 7 });
    const without = await statesOf({ snapshotEvery: 0 });
    expect(withSnapshots).toEqual(without);
  });

  async function statesOf(options: { snapshotEvery: number }) {
    const { actors, node } = await startNode(Counter, { engine: engine(), ...options });
    const states = await Promise.all(['s0', 's1', 's2', 's3'].map(async (id) => (await actors.get(id)).confirmed));
    await node.stop();
    return states;
  }

  it('are never taken of a serial actor that misses events which others stored', async () => {
    const { actors, also, node } = await startNode(Tally, { engine: engine(), snapshotEvery: 5 });
    const tally = await actors.get('x');
    await (await also(Counter).get('x')).note('in between');
    for (let i = 0; i < 20; i += 1) await tally.add(1);
    await node.stop();
    expect([...store.snapshots.values()].filter(({ actor }) => actor === 'Tally')).toEqual([]);
  });
});

describe('snapshots in a file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'omniscient-snapshots-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are ignored when their bytes were changed in the database', async () => {
    const file = join(folder, 'events.db');
    const { First, runs } = await stored(() => new SqliteEngine({ file }));
    const db = new Database(file);
    expect(db.prepare(`UPDATE snapshots SET state = '{"points":7}'`).run().changes).toBe(1);
    db.close();
    expect(await loaded(First, new SqliteEngine({ file }))).toBe(25);
    expect(runs.handler).toBe(25);
  });
});
