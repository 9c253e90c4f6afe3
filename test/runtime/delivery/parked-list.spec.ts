import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { MemoryEngine } from 'omniscient-nest/memory';
import { PARKED_EVENT } from '../../../lib/kernel/framework/listening-state.js';
import { eventually } from '../../support/eventually.js';
import { Account, failing, Shop } from '../../support/listeners.js';
import { MemoryCluster } from '../../support/memory-cluster.js';

let cluster: MemoryCluster;
beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(async () => {
  failing.clear();
  await cluster.stop();
});

/** Holds a read that looks for all that was parked, once it has looked. */
class SlowEngine extends MemoryEngine {
  held: Promise<void> | undefined;
  reads = 0;

  override async readAll(...how: Parameters<MemoryEngine['readAll']>) {
    const page = await super.readAll(...how);
    const [, limit, names] = how;
    if (limit > 1 && names?.includes(PARKED_EVENT)) {
      this.reads += 1;
      await this.held;
    }
    return page;
  }
}

it('what is stored is found by who asks for it, also while somebody else still reads', async () => {
  failing.set('ann', () => {
    throw new Error('never');
  });
  const engine = new SlowEngine({ store: cluster.store });
  const { node, actors } = await cluster.start({ engine, reactionTriesMax: 1 });
  actors(Account);
  const shop = await actors(Shop).get('shop');
  await node.begin();
  await shop.order('ann', 1);
  await eventually(() => cluster.stored('ann', PARKED_EVENT).length === 1);
  await eventually(() => node.election.led.length === 1);

  let release = () => {};
  engine.held = new Promise((resolve) => {
    release = resolve;
  });
  engine.reads = 0;
  const before = node.parked.list();
  await eventually(() => engine.reads === 1);
  await shop.order('ann', 2);
  await eventually(() => cluster.stored('ann', PARKED_EVENT).length === 2);
  const [, second] = cluster.stored<{ id: string }>('ann', PARKED_EVENT);
  const [lists, discarded] = [[node.parked.list(), node.parked.list()], node.parked.discard(second?.id as string)];
  engine.held = undefined;
  release();
  expect((await before).length).toBe(1);
  await discarded;
  for (const list of await Promise.all(lists)) expect(list.length).toBeGreaterThan(0);
  // All who came meanwhile share one look.
  expect(engine.reads).toBe(2);
  expect(await node.parked.count()).toBe(1);
});
