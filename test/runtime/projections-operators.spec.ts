import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineError, EventHandler, Projection, type ProjectionCheckpoint, type StoredEvent } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { AppendRequest, AppendResult } from '../../lib/engine/append.js';
import type { ActorClass } from '../../lib/kernel/actor.js';
import { defineActor } from '../../lib/kernel/definition.js';
import { Runtime, type RuntimeOptions } from '../../lib/runtime/runtime.js';
import { Account, failing, Shop } from '../support/listeners.js';
import { silent } from '../support/runtime.js';

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

async function eventually(holds: () => boolean | Promise<boolean>, withinMs = 8_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await holds()) && performance.now() < endMs) await sleep(5);
  expect(await holds()).toBe(true);
}

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
