import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, type Heard, ListenTo, LiveActor, OneActor } from 'omniscient-nest';
import { MemoryEngine } from 'omniscient-nest/memory';
import type { AppendRequest } from '../../../lib/engine/duties/append.js';
import { ADOPTED_MAX, ListeningState, PARKED_EVENT } from '../../../lib/kernel/framework/listening-state.js';
import { eventually } from '../../support/eventually.js';
import { type OrderEvents, Shop } from '../../support/listeners.js';
import { MemoryCluster } from '../../support/memory-cluster.js';

/** What is wrong with `Payment` now, in the hands of a spec. */
const broken = { fold: false, to: false, reaction: false };

@Actor()
class Payment extends LiveActor<{ paid: number }, { paid: { order: string } }> {
  initialState() {
    return { paid: 0 };
  }

  @Command() pay(order: string) {
    this.fire('paid', { order });
  }

  @EventHandler() paid() {
    if (broken.fold) throw new Error('this past can not be folded');
    this.state.paid += 1;
  }

  @ListenTo<OrderEvents, 'ordered'>({
    events: ['ordered'],
    to: ({ data }) => {
      if (broken.to) throw new Error('whom does this concern?');
      return data.account === 'nobody' ? undefined : data.account;
    },
  })
  onOrdered({ data }: Heard<OrderEvents, 'ordered'>) {
    if (broken.reaction) throw new Error('not today');
    this.fire('paid', { order: `${data.amount}` });
  }
}

/** The same, led. */
@Actor()
class LedPayment extends OneActor<{ paid: number }, { paid: { order: string } }> {
  initialState() {
    return { paid: 0 };
  }

  @Command() pay(order: string) {
    this.fire('paid', { order });
  }

  @EventHandler() paid() {
    if (broken.fold) throw new Error('this past can not be folded');
    this.state.paid += 1;
  }

  @ListenTo<OrderEvents, 'ordered'>({ events: ['ordered'], to: ({ data }) => data.account })
  onOrdered({ data }: Heard<OrderEvents, 'ordered'>) {
    this.fire('paid', { order: `${data.amount}` });
  }
}

const STREAM = '$listen-Payment';
const orders = (id: string) => cluster.stored<{ order: string }>(id, 'paid').map(({ order }) => order);

let cluster: MemoryCluster;
beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(async () => {
  Object.assign(broken, { fold: false, to: false, reaction: false });
  await cluster.stop();
});

async function begin(engine = new MemoryEngine({ store: cluster.store })) {
  const { node, actors } = await cluster.start({ engine });
  const payments = actors(Payment);
  const shop = await actors(Shop).get('shop');
  await node.begin();
  return { node, shop, payments, lag: async () => (await node.health()).lag[STREAM] };
}

/** An order for an actor with a past that can't be folded, parked; then that is mended. */
async function parkedAndMended() {
  const first = await cluster.start();
  await (await first.actors(Payment).get('ann')).pay('before');
  await cluster.stop(first.node);
  broken.fold = true;
  const begun = await begin();
  await begun.shop.order('ann', 1);
  await eventually(async () => (await begun.node.parked.count()) === 1);
  broken.fold = false;
  const [parked] = await begun.node.parked.list();
  return { ...begun, id: parked?.id as string };
}

describe('an event that can be brought to no actor is parked, and holds up nobody', () => {
  it.each([
    ['no id', ''],
    ['an id that is too long', 'x'.repeat(5_000)],
  ])('where `to` says %s', async (_, id) => {
    const { node, shop, lag } = await begin();
    await shop.order(id, 1);
    await shop.order('ann', 2);
    await eventually(async () => (await node.parked.count()) === 1);
    await eventually(() => orders('ann').length === 1);
    const [parked] = await node.parked.list();
    expect(parked).toMatchObject({ listener: 'Payment.onOrdered', actorId: '', error: { code: 'INVALID_ID' } });
    expect(parked?.event.data).toEqual({ account: id, amount: 1 });
    await eventually(async () => (await lag()) === 0);
  });

  it('where `to` throws, and is brought by what the code says when it is retried', async () => {
    const { node, shop } = await begin();
    broken.to = true;
    await shop.order('ann', 1);
    await eventually(async () => (await node.parked.count()) === 1);
    broken.to = false;
    await shop.order('ann', 2);
    await eventually(() => orders('ann').length === 1);
    await node.parked.retry((await node.parked.list())[0]?.id as string);
    expect(orders('ann')).toEqual(['2', '1']);
    expect(await node.parked.count()).toBe(0);
  });

  it('also where there are more of them than may be under way', async () => {
    const { node, shop } = await begin();
    await Promise.all(Array.from({ length: 1_100 }, (_, i) => shop.order('', i)));
    await shop.order('ann', 1);
    await eventually(() => orders('ann').length === 1, 20_000);
    await eventually(async () => (await node.parked.count()) === 1_100);
  });

  it('where the past of the actor can not be folded', async () => {
    const first = await cluster.start();
    await (await first.actors(Payment).get('ann')).pay('before');
    await cluster.stop(first.node);
    broken.fold = true;
    const { node, shop, lag } = await begin();
    await shop.order('ann', 1);
    await shop.order('ann', 2);
    await eventually(async () => (await node.parked.count()) === 2);
    await eventually(async () => (await lag()) === 0);
    const parked = await node.parked.list();
    expect(parked.map(({ actorId, error, attempts }) => [actorId, error.code, attempts])).toEqual([
      ['ann', 'HANDLER_FAILED', 2],
      // Tried in vain before, so tried once.
      ['ann', 'HANDLER_FAILED', 1],
    ]);
    // The audit trail shows what led to it.
    const led: string[] = [];
    const correlationId = parked[0]?.event.metadata.correlationId as string;
    for await (const { name } of node.trail.causedBy(correlationId)) led.push(name);
    expect(led).toEqual(['ordered', '$parked']);
  });

  it('is not brought again when the checkpoint was not saved before a crash', async () => {
    class Forgetful extends MemoryEngine {
      override async saveCheckpoint(name: string, revision: number, value: string): Promise<boolean> {
        const isPlace = name === STREAM && JSON.parse(value).position > 0 && saves;
        return isPlace ? true : super.saveCheckpoint(name, revision, value);
      }
    }
    let saves = false;
    const first = await cluster.start();
    await (await first.actors(Payment).get('ann')).pay('before');
    await cluster.stop(first.node);
    broken.fold = true;
    const { node, shop } = await begin(new Forgetful({ store: cluster.store }));
    saves = true;
    await shop.order('ann', 1);
    await eventually(() => cluster.stored(STREAM, PARKED_EVENT).length === 1);
    await cluster.stop(node);
    broken.fold = false;
    const again = await begin();
    await again.shop.order('ann', 2);
    await eventually(() => orders('ann').length === 2);
    expect(orders('ann')).toEqual(['before', '2']);
    expect(await again.node.parked.count()).toBe(1);
  });

  it('waits for a store that is away rather than losing it', async () => {
    let isAway = true;
    let refused = 0;
    class Away extends MemoryEngine {
      override async append(request: AppendRequest) {
        if (isAway && request.streamId === STREAM) {
          refused += 1;
          throw new Error('away');
        }
        return super.append(request);
      }
    }
    const { node, shop } = await begin(new Away({ store: cluster.store }));
    await shop.order('', 1);
    await eventually(() => refused > 1);
    expect(await node.parked.count()).toBe(0);
    isAway = false;
    await eventually(async () => (await node.parked.count()) === 1);
  });
});

describe('what was parked because its actor could not be loaded', () => {
  it('is reacted to once, however many retry it at the same time and on whatever node', async () => {
    const { node, id } = await parkedAndMended();
    const other = await begin();
    const retries = [node, other.node, node, other.node].map((each) => each.parked.retry(id).catch(() => {}));
    await Promise.all(retries);
    expect(orders('ann')).toEqual(['before', '1']);
    await eventually(async () => (await other.node.parked.count()) === 0);
    expect(await node.parked.count()).toBe(0);
  });

  it('is reacted to though the actor has heard later ones meanwhile, and takes nothing from those under way', async () => {
    const { node, shop, id } = await parkedAndMended();
    await shop.order('ann', 2);
    await eventually(() => orders('ann').includes('2'));
    await node.parked.retry(id);
    await shop.order('ann', 3);
    await eventually(() => orders('ann').includes('3'));
    expect(orders('ann')).toEqual(['before', '2', '1', '3']);
  });

  it('stays parked, now with its actor, when the listener throws; and can be retried after a restart', async () => {
    const { node, id } = await parkedAndMended();
    broken.reaction = true;
    await expect(node.parked.retry(id)).rejects.toThrow('not today');
    expect((await node.parked.list()).map((each) => each.id)).toEqual([id]);
    broken.reaction = false;
    await cluster.stop(node);
    const again = await begin();
    await again.node.parked.retry(id);
    expect(orders('ann')).toEqual(['before', '1']);
    expect(await again.node.parked.count()).toBe(0);
  });

  it('is taken over by the leader of an actor that is led, wherever it is retried', async () => {
    const first = await cluster.start();
    await (await first.actors(LedPayment).get('ann')).pay('before');
    await cluster.stop(first.node);
    broken.fold = true;
    const { node, actors } = await cluster.start();
    actors(LedPayment);
    await node.begin();
    await (await actors(Shop).get('shop')).order('ann', 1);
    await eventually(async () => (await node.parked.count()) === 1);
    broken.fold = false;
    const other = await cluster.start();
    await (await other.actors(LedPayment).get('ann')).pay('by the leader');
    const [parked] = await node.parked.list();
    await Promise.allSettled([node, other.node].map((each) => each.parked.retry(parked?.id as string)));
    expect(orders('ann')).toEqual(['before', 'by the leader', '1']);
    expect(await node.parked.count()).toBe(0);
  });

  it('stays parked while the actor can not be loaded still', async () => {
    const { node, id } = await parkedAndMended();
    broken.fold = true;
    await expect(node.parked.retry(id)).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
    expect(await node.parked.count()).toBe(1);
  });

  it('can be discarded, and is done where it concerns nobody any more', async () => {
    const { node, shop } = await begin();
    await shop.order('', 1);
    broken.to = true;
    await shop.order('nobody', 2);
    await eventually(async () => (await node.parked.count()) === 2);
    broken.to = false;
    const [first, second] = await node.parked.list();
    await node.parked.discard(first?.id as string);
    await node.parked.retry(second?.id as string);
    expect(await node.parked.count()).toBe(0);
    await expect(node.parked.retry(first?.id as string)).rejects.toMatchObject({ code: 'NOT_PARKED' });
  });
});

it('what an actor remembers of what it took over has a limit, also in a snapshot', () => {
  const listeningState = new ListeningState('Any');
  for (let i = 0; i < ADOPTED_MAX + 5; i += 1) {
    const data = { actor: 'Any', listener: 'l', source: '', at: 9, id: `p${i}`, adopted: true };
    listeningState.apply({ id: 'e', name: PARKED_EVENT, data: JSON.stringify(data), metadata: '{}' });
  }
  expect(listeningState.adopted.size).toBe(ADOPTED_MAX);
  expect(listeningState.heardAt('l', '')).toBe(0);
  const restored = new ListeningState('Any');
  restored.restore(JSON.parse(JSON.stringify(listeningState.toJSON())));
  expect([...restored.adopted]).toEqual([...listeningState.adopted]);
});
