import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, ListenTo, LiveActor } from 'omniscient-nest';
import { takenOver } from '../../../lib/runtime/dispatching/dispatcher-checkpoint.js';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import { eventually } from '../../support/eventually.js';
import { MemoryCluster } from '../../support/memory-cluster.js';

interface TillEvents {
  ordered: { account: string };
  refunded: { account: string };
}

@Actor()
class Till extends LiveActor<object, TillEvents> {
  initialState() {
    return {};
  }

  @Command() order(account: string) {
    this.fire('ordered', { account });
  }

  @Command() refund(account: string) {
    this.fire('refunded', { account });
  }
}

/** The class as it was: of that name too. */
function oldBill() {
  @Actor()
  class Bill extends LiveActor<object, { charged: object; credited: object }> {
    initialState() {
      return {};
    }

    @ListenTo<TillEvents, 'ordered'>({ events: ['ordered'], to: ({ data }) => data.account })
    onOrdered() {
      this.fire('charged', {});
    }
  }
  return Bill;
}

/** The class as it is deployed now: with one more listener. */
function newBill() {
  @Actor()
  class Bill extends LiveActor<object, { charged: object; credited: object }> {
    initialState() {
      return {};
    }

    @ListenTo<TillEvents, 'ordered'>({ events: ['ordered'], to: ({ data }) => data.account })
    onOrdered() {
      this.fire('charged', {});
    }

    @ListenTo<TillEvents, 'refunded'>({ events: ['refunded'], to: ({ data }) => data.account })
    onRefunded() {
      this.fire('credited', {});
    }
  }
  return Bill;
}

let cluster: MemoryCluster;
beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.stop());

const charged = (id: string) => cluster.stored(id, 'charged').length;
const credited = (id: string) => cluster.stored(id, 'credited').length;

async function begin(bill: ReturnType<typeof oldBill>) {
  const { node, actors } = await cluster.start();
  actors(bill);
  const till = await actors(Till).get('till');
  await node.begin();
  return { node, till };
}

/** Whoever leads has written down that it has come up to the last event. */
const caughtUp = (node: Runtime) => eventually(async () => (await node.health()).lag['$listen-Bill'] === 0);

describe('a listener that a new version of the class brings', () => {
  it('misses nothing that was said while a node of the old version led, and nobody hears anything twice', async () => {
    const old = await begin(oldBill());
    await eventually(() => old.node.election.led.length === 1);
    const fresh = await begin(newBill());
    await fresh.till.refund('ann');
    await fresh.till.order('ann');
    await eventually(() => charged('ann') === 1);
    await caughtUp(old.node);
    await cluster.stop(old.node);
    await fresh.till.refund('bob');
    await fresh.till.order('bob');
    await eventually(() => credited('bob') === 1 && charged('bob') === 1);
    expect([credited('ann'), charged('ann')]).toEqual([1, 1]);
  });

  it('misses nothing where the deployment goes back and forth', async () => {
    const first = await begin(newBill());
    await first.till.refund('ann');
    await eventually(() => credited('ann') === 1);
    await caughtUp(first.node);
    await cluster.stop(first.node);
    for (const account of ['bob', 'carol']) {
      const back = await begin(oldBill());
      await back.till.refund(account);
      await back.till.order(account);
      await eventually(() => charged(account) === 1);
      await caughtUp(back.node);
      await cluster.stop(back.node);
    }
    const again = await begin(newBill());
    await again.till.refund('dora');
    // Each account hears by itself: one may be sooner than another.
    await eventually(() => ['bob', 'carol', 'dora'].every((account) => credited(account) > 0));
    expect(['ann', 'bob', 'carol', 'dora'].map(credited)).toEqual([1, 1, 1, 1]);
    expect(['bob', 'carol'].map(charged)).toEqual([1, 1]);
    await caughtUp(again.node);
  });

  it('holds up nobody when it was taken out of the code for good', async () => {
    const first = await begin(newBill());
    await first.till.refund('before');
    await eventually(() => credited('before') === 1);
    await caughtUp(first.node);
    await cluster.stop(first.node);
    const later = await begin(oldBill());
    await later.till.refund('ann');
    await later.till.order('ann');
    await eventually(() => charged('ann') === 1);
    await caughtUp(later.node);
  });
});

it('where a dispatcher goes on: back for those it knows and others did not; those that it does not know keep their place', () => {
  const place = { position: 50, since: { a: 10, b: 20, c: 60 } };
  const byOld = takenOver(place, new Set(['a']));
  expect(byOld).toEqual({ position: 50, since: { a: 50, b: 50, c: 60 }, behind: { b: 50, c: 60 } });
  const moved = { ...byOld, position: 90 };
  // Another old one: what is behind stays there.
  expect(takenOver(moved, new Set(['a'])).behind).toEqual({ b: 50, c: 60 });
  const byNew = takenOver(moved, new Set(['a', 'b']));
  expect(byNew).toEqual({ position: 50, since: { a: 90, b: 50, c: 90 }, behind: { c: 60 } });
  // And it is not gone back to twice.
  const caughtUp = { ...byNew, position: 95 };
  expect(takenOver(caughtUp, new Set(['a', 'b', 'c']))).toEqual({
    position: 60,
    since: { a: 95, b: 95, c: 60 },
    behind: {},
  });
});
