import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineError, EventHandler, Projection, type ProjectionCheckpoint, type StoredEvent } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { AppendRequest, AppendResult } from '../../../lib/engine/duties/append.js';
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

/** Keeps no checkpoints while it is told not to, and stores nothing of the names it is told. */
class StubbornEngine extends MemoryEngine {
  refusesCheckpoints = false;
  refused: string | undefined;

  override async saveCheckpoint(name: string, revision: number, value: string) {
    if (this.refusesCheckpoints) throw new EngineError('ENGINE_UNAVAILABLE', 'not now', { retryable: true });
    return super.saveCheckpoint(name, revision, value);
  }

  override async append(request: AppendRequest): Promise<AppendResult> {
    if (request.events.some(({ name }) => name === this.refused)) {
      throw new EngineError('ENGINE_UNAVAILABLE', 'not now', { retryable: true });
    }
    return super.append(request);
  }
}

interface Handled extends ProjectionCheckpoint {
  readonly amount: number;
}

/** Without a checkpoint of its own: whatever it is given shows. */
@Projection()
class Sums {
  readonly handled: Handled[];
  /** May throw, or wait. */
  before: (amount: number, checkpoint: ProjectionCheckpoint) => void | Promise<void> = () => {};

  constructor(handled: Handled[] = []) {
    this.handled = handled;
  }

  @EventHandler('ordered')
  async ordered({ amount }: { amount: number }, _event: StoredEvent, checkpoint: ProjectionCheckpoint) {
    await this.before(amount, checkpoint);
    this.handled.push({ amount, ...checkpoint });
  }

  of(generation: number): number[] {
    return this.handled.filter((each) => each.generation === generation).map(({ amount }) => amount);
  }
}

async function startNode(projection: Sums, options: Partial<RuntimeOptions> = {}): Promise<Runtime> {
  const engine = new MemoryEngine({ store });
  const node = new Runtime({ engine, log: silent, heartbeatTimeoutMs: 300, reactionTriesMax: 1, ...options });
  running.push(node);
  await node.start();
  node.register(defineActor(Shop as ActorClass), () => new Shop());
  node.projections.add(Sums, projection);
  await node.begin();
  return node;
}

async function order(node: Runtime, ...amounts: number[]): Promise<void> {
  const shop = await node.register<Shop>(defineActor(Shop as ActorClass), () => new Shop()).get('shop');
  for (const amount of amounts) await shop.order('a', amount);
}

function storedNames(streamId: string): string[] {
  return (store.streams.get(streamId) ?? []).map(({ name }) => name);
}

describe('a rebuild that is asked for', () => {
  /** A node whose checkpoint is behind what it has handled, and another that knows the projection. */
  async function behind(handled: Handled[]) {
    const engine = new StubbornEngine({ store });
    const projection = new Sums(handled);
    const leader = await startNode(projection, { engine });
    await eventually(() => leader.election.led.length === 1);
    const other = await startNode(new Sums(handled));
    await order(leader, 0);
    await eventually(async () => (await other.projections.progress(Sums)).position > 0);
    engine.refusesCheckpoints = true;
    await order(leader, 1, 2, 3);
    await eventually(() => projection.of(1).length === 4);
    return { engine, projection, leader, other };
  }

  it('makes the model that serves handle nothing again', async () => {
    const { engine, projection, other, leader } = await behind([]);
    await other.projections.rebuild(Sums);
    engine.refusesCheckpoints = false;
    await order(leader, 4);
    await eventually(async () => (await other.projections.progress(Sums)).generation === 2);
    expect(projection.of(1)).toEqual([0, 1, 2, 3, 4].slice(0, projection.of(1).length));
    expect(projection.of(1).length).toBeGreaterThanOrEqual(4);
    expect(projection.of(2)).toEqual([0, 1, 2, 3, 4]);
  });

  it('neither if the node that runs the projection is shut down before it has noticed', async () => {
    const handled: Handled[] = [];
    const { engine, projection, leader, other } = await behind(handled);
    await other.projections.rebuild(Sums);
    engine.refusesCheckpoints = false;
    await leader.stop();
    await eventually(async () => (await other.projections.progress(Sums)).generation === 2);
    expect(projection.of(1)).toEqual([0, 1, 2, 3]);
    expect(projection.of(2)).toEqual([0, 1, 2, 3]);
  });

  it('a second time, lets the one that is built already go and keeps what is handled', async () => {
    const { engine, projection, other } = await behind([]);
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    projection.before = (_amount, { generation }) => (generation === 2 ? held : undefined);
    await other.projections.rebuild(Sums);
    await other.projections.rebuild(Sums);
    engine.refusesCheckpoints = false;
    release();
    await eventually(async () => (await other.projections.progress(Sums)).generation === 3);
    expect(projection.of(1)).toEqual([0, 1, 2, 3]);
    expect(projection.of(3)).toEqual([0, 1, 2, 3]);
  });
});

describe('what a projection parked', () => {
  /** Two nodes and an event that one of them parked. */
  async function parked(engine = new StubbornEngine({ store })) {
    const handled: Handled[] = [];
    const projections = [new Sums(handled), new Sums(handled)] as const;
    for (const each of projections) {
      each.before = () => {
        throw new Error('no');
      };
    }
    const nodes = [await startNode(projections[0], { engine }), await startNode(projections[1])] as const;
    await order(nodes[0], 7);
    await eventually(async () => (await nodes[0].parked.count()) === 1);
    const id = (await nodes[0].parked.list())[0]?.id as string;
    const becomes = (before: Sums['before']) => {
      for (const each of projections) each.before = before;
    };
    return { handled, nodes, id, becomes };
  }

  it('is handled once, however many ask for it at the same time, on any node', async () => {
    const { handled, nodes, id, becomes } = await parked();
    becomes(() => sleep(5));
    const answers = await Promise.allSettled([1, 2, 3].flatMap(() => nodes.map((node) => node.parked.retry(id))));
    const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    expect(refused.length).toBeLessThan(6);
    for (const error of refused) expect(error).toMatchObject({ code: 'RETRY_UNDER_WAY', retryable: true });
    expect(handled).toMatchObject([{ amount: 7, isLate: true }]);
    for (const node of nodes) expect(await node.parked.count()).toBe(0);
    expect(storedNames('$projection-Sums')).toEqual(['$parked', '$unparked']);
  });

  it('is handled once also by who had looked before another was done with it', async () => {
    class LateEngine extends StubbornEngine {
      claims = 0;
      first = () => {};
      readonly firstIsDone = new Promise<void>((resolve) => (this.first = resolve));

      override async saveCheckpoint(name: string, revision: number, value: string) {
        if (name.startsWith('$retrying') && this.claims++ === 0) await this.firstIsDone;
        return super.saveCheckpoint(name, revision, value);
      }
    }
    const engine = new LateEngine({ store });
    const { handled, nodes, id, becomes } = await parked(engine);
    becomes(() => {});
    const late = nodes[0].parked.retry(id);
    await eventually(() => engine.claims === 1);
    await nodes[1].parked.retry(id);
    engine.first();
    await late;
    expect(handled).toHaveLength(1);
    expect(storedNames('$projection-Sums')).toEqual(['$parked', '$unparked']);
  });

  it('stays parked if the handler throws again, and can be tried again on another node', async () => {
    const { handled, nodes, id, becomes } = await parked();
    await expect(nodes[0].parked.retry(id)).rejects.toThrow('no');
    await expect(nodes[1].parked.retry(id)).rejects.toThrow('no');
    becomes(() => {});
    await nodes[1].parked.retry(id);
    expect(handled).toHaveLength(1);
    expect(await nodes[0].parked.count()).toBe(0);
  });

  it('can be tried by others when the node that tried it has died', async () => {
    const { handled, nodes, id, becomes } = await parked();
    await nodes[0].parts.engine.beat({ nodeId: 'dead', incarnation: 'x', beat: 1, clockMs: 0 });
    const value = JSON.stringify({ claims: { [id]: { nodeId: 'dead', incarnation: 'x' } } });
    await nodes[0].parts.engine.saveCheckpoint('$retrying-Sums', 0, value);
    becomes(() => {});
    await expect(nodes[1].parked.retry(id)).rejects.toMatchObject({
      code: 'RETRY_UNDER_WAY',
      message: expect.stringContaining("'dead'"),
    });
    expect(handled).toEqual([]);
    await eventually(async () => {
      if (handled.length === 0) await nodes[1].parked.retry(id).catch(() => {});
      return handled.length > 0;
    });
    expect(handled).toHaveLength(1);
    expect(await nodes[0].parked.count()).toBe(0);
  });

  it('is not handled again because the engine was away when that was to be stored', async () => {
    const engine = new StubbornEngine({ store });
    const { handled, nodes, id, becomes } = await parked(engine);
    becomes(() => {});
    engine.refused = '$unparked';
    const retried = nodes[0].parked.retry(id);
    await eventually(() => handled.length === 1);
    await expect(nodes[1].parked.retry(id)).rejects.toMatchObject({ code: 'RETRY_UNDER_WAY' });
    engine.refused = undefined;
    await retried;
    expect(handled).toHaveLength(1);
    expect(await nodes[1].parked.count()).toBe(0);
  });

  it('is handled to the end by a node that is shut down, and by no other meanwhile', async () => {
    const { handled, nodes, id, becomes } = await parked();
    let goOn = () => {};
    const held = new Promise<void>((resolve) => (goOn = resolve));
    let began = 0;
    becomes(async () => {
      began += 1;
      await held;
    });
    const retried = nodes[0].parked.retry(id);
    await eventually(() => began === 1);
    const stopped = nodes[0].stop();
    // The other one leads in its place before that has ended.
    await eventually(() => nodes[1].election.led.length === 1);
    await expect(nodes[1].parked.retry(id)).rejects.toMatchObject({ code: 'RETRY_UNDER_WAY' });
    goOn();
    await Promise.all([retried, stopped]);
    expect(handled).toHaveLength(1);
    expect(await nodes[1].parked.count()).toBe(0);
    await expect(nodes[1].parked.retry(id)).rejects.toMatchObject({ code: 'NOT_PARKED' });
  });

  it('is parked no more when a model that was rebuilt serves', async () => {
    const { handled, nodes, becomes } = await parked();
    await order(nodes[0], 8);
    await eventually(async () => (await nodes[0].parked.count()) === 2);
    becomes((amount) => {
      if (amount === 8) throw new Error('still no');
    });
    await nodes[0].projections.rebuild(Sums);
    await eventually(async () => (await nodes[0].projections.progress(Sums)).generation === 2);
    // Eight is, by the new one.
    expect(await nodes[1].parked.list()).toMatchObject([{ actorId: '2', event: { data: { amount: 8 } } }]);
    expect(handled).toMatchObject([{ amount: 7, generation: 2 }]);
    becomes(() => {});
    await nodes[1].parked.retry((await nodes[1].parked.list())[0]?.id as string);
    expect(handled.map(({ generation }) => generation)).toEqual([2, 2]);
    expect(await nodes[0].parked.count()).toBe(0);
  });

  it('is not written into a model that was replaced, however it came to be still parked', async () => {
    const { handled, nodes, id, becomes } = await parked();
    becomes(() => {});
    const [old] = (store.streams.get('$projection-Sums') ?? []).map(({ name, data, metadata }) => ({
      id: 'again',
      name,
      data,
      metadata,
    }));
    await nodes[0].projections.rebuild(Sums);
    await eventually(async () => (await nodes[0].projections.progress(Sums)).generation === 2);
    // A node that was frozen comes back and parks it late.
    await nodes[0].parts.engine.append({
      streamId: '$projection-Sums',
      expectedVersion: 'any',
      events: [old as never],
    });
    expect(await nodes[1].parked.count()).toBe(1);
    await nodes[1].parked.retry(id);
    expect(await nodes[1].parked.count()).toBe(0);
    expect(handled.map(({ generation }) => generation)).toEqual([2]);
  });

  it('is tried again by the projection, also if an actor class has its name', async () => {
    const seen: number[] = [];
    let broken = true;

    @Projection({ name: 'Account' })
    class Accounts {
      @EventHandler('ordered') ordered({ amount }: { amount: number }) {
        if (broken) throw new Error('no');
        seen.push(amount);
      }
    }
    failing.set('a', () => {
      throw new Error('closed');
    });
    const node = await startNode(new Sums());
    node.register(defineActor(Account as ActorClass), () => new Account());
    node.projections.add(Accounts, new Accounts());
    await order(node, 5);
    await eventually(async () => (await node.parked.count()) === 2);
    broken = false;
    failing.clear();
    const parkedEvents = await node.parked.list();
    const byProjection = parkedEvents.find(({ actorId }) => actorId === '1');
    const byActor = parkedEvents.find(({ actorId }) => actorId === 'a');
    await node.parked.retry(byProjection?.id as string);
    expect(seen).toEqual([5]);
    expect(storedNames('a')).not.toContain('charged');
    await node.parked.retry(byActor?.id as string);
    expect(seen).toEqual([5]);
    expect(storedNames('a')).toContain('charged');
    expect(await node.parked.list()).toEqual([]);
  });

  it.each(['retried', 'discarded', 'parked'] as const)(
    'is not given in its turn again to a node that begins before it: it was %s',
    async (fate) => {
      const handled: Handled[] = [];

      /** Its checkpoint is where the last event was that came in its turn. */
      class Own extends Sums {
        loadCheckpoint() {
          return Math.max(0, ...this.handled.filter(({ isLate }) => !isLate).map(({ position }) => position));
        }
      }
      const first = new Own(handled);
      first.before = (amount) => {
        if (amount === 7) throw new Error('no');
      };
      const node = await startNode(first);
      await order(node, 6, 7);
      await eventually(async () => (await node.parked.count()) === 1);
      const id = (await node.parked.list())[0]?.id as string;
      first.before = () => {};
      if (fate === 'retried') await node.parked.retry(id);
      if (fate === 'discarded') await node.parked.discard(id);
      await node.stop();
      const again = await startNode(new Own(handled));
      await order(again, 8);
      await eventually(() => handled.some(({ amount }) => amount === 8));
      expect(handled.map(({ amount }) => amount)).toEqual(fate === 'retried' ? [6, 7, 8] : [6, 8]);
      if (fate === 'parked') await again.parked.retry(id);
      expect(handled.filter(({ amount }) => amount === 7)).toHaveLength(fate === 'discarded' ? 0 : 1);
      expect(await again.parked.count()).toBe(0);
    },
  );
});
