import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Actor,
  EventHandler,
  LiveActor,
  Projection,
  type ProjectionCheckpoint,
  type ProjectionOptions,
  type StoredEvent,
  Upcast,
} from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import { z } from 'zod';
import type { ActorClass } from '../../../lib/kernel/declaring/actor.js';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import { Runtime, type RuntimeOptions } from '../../../lib/runtime/node/runtime.js';
import { eventually } from '../../support/eventually.js';
import { Account, failing, Shop } from '../../support/listeners.js';
import { silent } from '../../support/runtime.js';

let store: MemoryStore;
let running: Runtime[] = [];

beforeEach(() => {
  store = new MemoryStore();
});
afterEach(async () => {
  failing.clear();
  await Promise.all(running.map((node) => node.stop()));
  running = [];
});

/** A read model that stores its checkpoint with what it writes, as one in a database would. */
class Table {
  readonly models = new Map<number, { position: number; rows: { amount: number; position: number }[] }>();
  serving = 1;

  model(generation: number) {
    let model = this.models.get(generation);
    if (!model) this.models.set(generation, (model = { position: 0, rows: [] }));
    return model;
  }
}

@Projection()
class Orders {
  constructor(
    readonly table: Table,
    readonly fail: (amount: number) => void = () => {},
    readonly slow = () => 0,
  ) {}

  loadCheckpoint(generation: number) {
    return this.table.model(generation).position;
  }

  onRebuild(generation: number) {
    this.table.model(generation);
  }

  onServe(generation: number) {
    this.table.serving = generation;
    for (const each of this.table.models.keys()) if (each !== generation) this.table.models.delete(each);
  }

  @EventHandler('ordered')
  async ordered({ amount }: { amount: number }, event: StoredEvent, checkpoint: ProjectionCheckpoint) {
    const { generation, position, isLate } = checkpoint;
    this.fail(amount);
    const ms = this.slow();
    if (ms > 0) await sleep(ms);
    expect(event.position).toBe(position);
    const model = this.table.model(generation);
    model.rows.push({ amount, position });
    if (!isLate) model.position = position;
  }
}

async function startNode(projection: object | undefined, options: Partial<RuntimeOptions> = {}): Promise<Runtime> {
  const engine = new MemoryEngine({ store });
  const node = new Runtime({ engine, log: silent, heartbeatTimeoutMs: 300, reactionTriesMax: 2, ...options });
  running.push(node);
  await node.start();
  node.register(defineActor(Shop as ActorClass), () => new Shop());
  if (projection) node.projections.add(Orders, projection);
  await node.begin();
  return node;
}

async function order(node: Runtime, ...amounts: number[]): Promise<void> {
  const shop = await node.register<Shop>(defineActor(Shop as ActorClass), () => new Shop()).get('shop');
  for (const amount of amounts) await shop.order('a', amount);
}

const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

describe('a projection', () => {
  it('gets every event once, in order, on one of three nodes, and goes on elsewhere when that one is gone', async () => {
    const table = new Table();
    const shopping = await startNode(undefined);
    const nodes = [
      await startNode(new Orders(table)),
      await startNode(new Orders(table)),
      await startNode(new Orders(table)),
    ];
    await order(shopping, ...upTo(50));
    await eventually(() => table.model(1).rows.length === 50);
    for (const [i, node] of nodes.entries()) {
      await node.stop();
      await order(shopping, ...upTo(10, 50 + 10 * i));
    }
    await startNode(new Orders(table));
    await eventually(() => table.model(1).rows.length === 80);
    await sleep(50);
    expect(table.model(1).rows.map(({ amount }) => amount)).toEqual(upTo(80));
  });

  it('begins with history, and keeps its checkpoint in the engine if it has none of its own', async () => {
    const seen: number[] = [];

    @Projection({ name: 'plain' })
    class Plain {
      @EventHandler() ordered({ amount }: { amount: number }) {
        seen.push(amount);
      }
    }
    const first = await startNode(undefined);
    await order(first, 1, 2, 3);
    first.projections.add(Plain, new Plain());
    await eventually(() => seen.length === 3);
    await first.stop();
    const second = await startNode(undefined);
    second.projections.add(Plain, new Plain());
    await order(second, 4);
    await eventually(() => seen.length === 4);
    await sleep(50);
    expect(seen).toEqual([1, 2, 3, 4]);
  });

  it('is rebuilt while the old read model serves, also across a restart, and shows how far it is', async () => {
    const table = new Table();
    const shopping = await startNode(undefined);
    await order(shopping, ...upTo(60));
    const slow = () => (table.models.size > 1 ? 30 : 0);
    const node = await startNode(new Orders(table, undefined, slow));
    await eventually(() => table.model(1).rows.length === 60);
    await shopping.projections.rebuild('Orders').then(
      () => expect('known here').toBe('not known here'),
      (error: { code: string }) => expect(error.code).toBe('UNKNOWN_PROJECTION'),
    );
    const shares: number[] = [];
    const watching = node.projections
      .progress$(Orders)
      .subscribe(({ rebuilding }) => shares.push(rebuilding?.share ?? -1));
    await node.projections.rebuild(Orders);
    await eventually(() => (table.models.get(2)?.rows.length ?? 0) > 20);
    expect(table.serving).toBe(1);
    await order(shopping, 60, 61);
    await eventually(() => table.models.get(1)?.rows.length === 62);
    expect(table.serving).toBe(1);
    await node.stop();
    const before = table.models.get(2)?.rows.length ?? 0;
    const again = await startNode(new Orders(table, undefined, slow));
    await eventually(() => table.serving === 2);
    expect(before).toBeGreaterThan(20);
    await order(shopping, 62);
    await eventually(() => table.model(2).rows.length === 63);
    expect(table.model(2).rows.map(({ amount }) => amount)).toEqual(upTo(63));
    expect([...table.models.keys()]).toEqual([2]);
    await eventually(async () => (await again.projections.progress(Orders)).generation === 2);
    expect((await again.projections.progress(Orders)).rebuilding).toBeUndefined();
    watching.unsubscribe();
    expect(shares.some((share) => share > 0 && share < 1)).toBe(true);
  });

  it('serves what was rebuilt also if another rebuild is asked for at that very moment', async () => {
    const table = new Table();
    const served: number[] = [];
    let node: Runtime | undefined;

    const goneOnWith: number[] = [];

    class Asking extends Orders {
      override loadCheckpoint(generation: number) {
        if (served.length > 0) goneOnWith.push(generation);
        return super.loadCheckpoint(generation);
      }

      override async onServe(generation: number) {
        super.onServe(generation);
        served.push(generation);
        if (generation === 2) await node?.projections.rebuild(Orders);
      }
    }
    node = await startNode(new Asking(table));
    await order(node, ...upTo(20));
    await eventually(() => table.model(1).rows.length === 20);
    await node.projections.rebuild(Orders);
    await eventually(() => table.serving === 3);
    await order(node, 20);
    await eventually(() => table.model(3).rows.length === 21);
    expect(served).toEqual([2, 3]);
    expect(goneOnWith).toEqual([2, 3]);
    expect([...table.models.keys()]).toEqual([3]);
    expect(table.model(3).rows.map(({ amount }) => amount)).toEqual(upTo(21));
  });

  it('is rebuilt also where its leader leaves while the next read model is being prepared', async () => {
    const table = new Table();
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isPreparing = false;
    class Prepared extends Orders {
      override async onRebuild(generation: number) {
        isPreparing = true;
        await released;
        super.onRebuild(generation);
      }
    }
    const first = await startNode(new Prepared(table));
    await order(first, 1);
    await eventually(() => table.model(1).rows.length === 1);
    await first.projections.rebuild(Orders);
    await eventually(() => isPreparing);
    const stopped = first.stop();
    running = running.filter((node) => node !== first);
    await eventually(() => first.election.led.length === 0);
    release();
    await stopped;
    await startNode(new Orders(table));
    await eventually(() => table.serving === 2);
    expect(table.model(2).rows.map(({ amount }) => amount)).toEqual([1]);
  });

  it('is tried again on an event on which it fails, and parks it in the end; an operator tries again', async () => {
    const table = new Table();
    let broken = true;
    const node = await startNode(
      new Orders(table, (amount) => {
        if (amount === 2 && broken) throw new RangeError('too much');
      }),
    );
    await order(node, 1, 2, 3);
    await eventually(() => table.model(1).rows.length === 2);
    const parked = await node.parked.list();
    expect(parked).toMatchObject([
      { listener: 'Orders.ordered', attempts: 2, error: { name: 'RangeError' }, event: { data: { amount: 2 } } },
    ]);
    const id = parked[0]?.id as string;
    await expect(node.parked.retry(id)).rejects.toThrow('too much');
    expect(await node.parked.list()).toHaveLength(1);
    broken = false;
    await node.parked.retry(id);
    expect(await node.parked.list()).toEqual([]);
    expect(table.model(1).rows.map(({ amount }) => amount)).toEqual([1, 3, 2]);
    await node.stop();
    const again = await startNode(new Orders(table));
    await order(again, 4);
    await eventually(() => table.model(1).rows.length === 4);
    expect(table.model(1).rows.map(({ amount }) => amount)).toEqual([1, 3, 2, 4]);
    await expect(again.parked.retry(id)).rejects.toMatchObject({ code: 'NOT_PARKED' });
  });

  it('waits at the event on which it fails if it is to keep the order', async () => {
    const seen: number[] = [];
    let broken = true;

    @Projection({ onFailure: 'stop' })
    class Strict {
      @EventHandler() ordered({ amount }: { amount: number }) {
        if (amount === 2 && broken) throw new Error('not yet');
        seen.push(amount);
      }
    }
    const node = await startNode(undefined);
    node.projections.add(Strict, new Strict());
    await order(node, 1, 2, 3);
    await sleep(600);
    expect(seen).toEqual([1]);
    broken = false;
    await eventually(() => seen.length === 3);
    expect(seen).toEqual([1, 2, 3]);
    expect(await node.parked.list()).toEqual([]);
  });
});

describe('what a reaction parked', () => {
  it('is reacted to once when it is tried again, by any number of operators, on any node; or is discarded', async () => {
    const nodes = [await startNode(undefined), await startNode(undefined)] as const;
    for (const node of nodes) node.register(defineActor(Account as ActorClass), () => new Account());
    failing.set('a', () => {
      throw new Error('closed');
    });
    await order(nodes[0], 5, 7);
    await eventually(async () => (await nodes[0].parked.list()).length === 2);
    const [five, seven] = (await nodes[1].parked.list()).map(({ id }) => id) as [string, string];
    await expect(nodes[1].parked.retry(five)).rejects.toThrow('closed');
    failing.clear();
    await Promise.allSettled([1, 2, 3].flatMap(() => nodes.map((node) => node.parked.retry(five))));
    await nodes[1].parked.discard(seven);
    expect(await nodes[0].parked.list()).toEqual([]);
    const charged = (store.streams.get('a') ?? []).filter(({ name }) => name === 'charged');
    expect(charged.map(({ data }) => JSON.parse(data).amount)).toEqual([5]);
  });
});

describe('a projection that names whose upcasts it wants', () => {
  const v1 = z.strictObject({ user: z.string() });

  @Actor()
  class Signup extends LiveActor<object, { signed_up: { first: string; last: string } }> {
    initialState() {
      return {};
    }

    @Upcast('signed_up', v1)
    static fromV1({ user }: z.infer<typeof v1>) {
      const [first = '', last = ''] = user.split(' ');
      if (first === 'Bad') throw new Error('no such name');
      return { first, last };
    }

    @Upcast('registered', { to: 'signed_up' })
    static renamed({ user }: { user: string }) {
      return { user } as never;
    }

    @EventHandler() signed_up() {}
  }

  async function seen(projectionOptions: ProjectionOptions, ...stored: [string, object][]) {
    const events: [string, unknown, unknown][] = [];
    @Projection({ name: 'signups', ...projectionOptions })
    class Signups {
      @EventHandler('signed_up') signed_up(data: object, { name }: StoredEvent) {
        events.push([name, (data as { first?: string }).first, (data as { user?: string }).user]);
      }
    }
    const node = await startNode(undefined, { reactionTriesMax: 1 });
    for (const [i, [name, data]] of stored.entries()) {
      const event = { id: `e${i}`, name, data: JSON.stringify(data), metadata: '{"at":"2026-01-01T00:00:00.000Z"}' };
      await node.parts.engine.append({ streamId: 's', expectedVersion: 'any', events: [event] });
    }
    node.projections.add(Signups, new Signups());
    await eventually(async () => (await node.projections.progress('signups')).position >= stored.length);
    return { events, node };
  }

  const STORED: [string, object][] = [
    ['signed_up', { user: 'Anna A' }],
    ['registered', { user: 'Berta B' }],
    ['signed_up', { first: 'Clara', last: 'C' }],
  ];

  it("handles today's events, whatever they were called", async () => {
    const { events } = await seen({ upcastsOf: [Signup as ActorClass] }, ...STORED);
    expect(events.map(([name, first]) => [name, first])).toEqual([
      ['signed_up', 'Anna'],
      ['signed_up', 'Berta'],
      ['signed_up', 'Clara'],
    ]);
  });

  it('sees what is stored otherwise', async () => {
    const { events } = await seen({}, ...STORED);
    expect(events.map(([, first, user]) => first ?? user)).toEqual(['Anna A', 'Clara']);
  });

  it('parks what an upcast fails on, and goes on', async () => {
    const { events, node } = await seen(
      { upcastsOf: [Signup as ActorClass] },
      ['registered', { user: 'Bad B' }],
      ...STORED,
    );
    expect(events).toHaveLength(3);
    expect(await node.parked.list()).toMatchObject([{ event: { name: 'registered', data: { user: 'Bad B' } } }]);
  });
});
