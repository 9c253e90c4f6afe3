import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, type Heard, ListenTo, LiveActor } from 'omniscient-nest';
import { eventually } from '../../support/eventually.js';
import { type OrderEvents, Shop, Speaker, type SpeakerEvents } from '../../support/listeners.js';
import { MemoryCluster } from '../../support/memory-cluster.js';

/** What `to` and the function of the state say instead of an id and of ids, in the hands of a spec. */
let to: (() => unknown) | undefined;
let sources: (() => unknown) | undefined;

@Actor({ prefix: 'payment-' })
class Payment extends LiveActor<object, { paid: { amount: number } }> {
  initialState() {
    return {};
  }

  @ListenTo<OrderEvents, 'ordered'>({
    events: ['ordered'],
    to: ({ data }) => (to ? to() : data.account) as string,
  })
  onOrdered({ data }: Heard<OrderEvents, 'ordered'>) {
    this.fire('paid', { amount: data.amount });
  }
}

interface Follows {
  follows: string[];
}

@Actor({ prefix: 'follower-' })
class Follower extends LiveActor<Follows, { followed: { speaker: string }; noted: { word: string } }> {
  initialState(): Follows {
    return { follows: [] };
  }

  @Command() follow(speaker: string) {
    this.fire('followed', { speaker });
  }

  @EventHandler() followed({ speaker }: { speaker: string }) {
    this.state.follows.push(speaker);
  }

  @ListenTo(({ follows }: Follows) => (sources ? sources() : follows) as string[], { events: ['said'] })
  onSaid({ data }: Heard<SpeakerEvents, 'said'>) {
    this.fire('noted', data);
  }
}

let cluster: MemoryCluster;
const unhandled: unknown[] = [];
const note = (error: unknown) => unhandled.push(error);
beforeEach(() => {
  cluster = new MemoryCluster();
  unhandled.length = 0;
  process.on('unhandledRejection', note);
});
afterEach(async () => {
  to = undefined;
  sources = undefined;
  await cluster.stop();
  process.off('unhandledRejection', note);
});

/** What is neither an id nor a list of them. */
const WRONG: readonly (readonly [string, () => unknown, RegExp])[] = [
  ['a promise', () => Promise.resolve('ann'), /promise/],
  ['a promise that fails', () => Promise.reject(new Error('later')), /promise/],
  // biome-ignore lint/suspicious/noThenProperty: that is what a query has.
  ['a query', () => ({ then: (done: (id: string) => void) => done('ann') }), /promise/],
  ['a number', () => 7, /number/],
  ['an object', () => ({ id: 'ann' }), /object/],
];

describe('a `to` that answers with no id', () => {
  it.each(WRONG)(
    '(%s) has its event parked, with a reason, and heard when it was mended',
    async (_, answer, reason) => {
      const { node, actors } = await cluster.start();
      actors(Payment);
      const shop = await actors(Shop).get('shop');
      await node.begin();
      to = answer;
      await shop.order('ann', 1);
      await eventually(async () => (await node.parked.count()) === 1);
      const [parked] = await node.parked.list();
      expect(parked?.error).toMatchObject({
        code: expect.stringMatching(/^INVALID_(LISTENER|ID)$/),
        message: expect.stringMatching(reason),
      });
      to = undefined;
      await shop.order('ann', 2);
      await eventually(() => cluster.stored('payment-ann', 'paid').length === 1);
      await node.parked.retry(parked?.id as string);
      expect(cluster.stored('payment-ann', 'paid')).toEqual([{ amount: 2 }, { amount: 1 }]);
      expect(unhandled).toEqual([]);
    },
  );
});

describe('a function of the state that answers with no ids', () => {
  it.each(WRONG)('(%s) fails the command, and what is said meanwhile is not lost', async (_, answer, reason) => {
    const { node, actors } = await cluster.start();
    const [follower, ann] = [await actors(Follower).get('one'), await actors(Speaker).get('ann')];
    await follower.follow('ann');
    sources = answer;
    await expect(follower.follow('bea')).rejects.toMatchObject({
      code: 'INVALID_LISTENER',
      message: expect.stringMatching(reason),
    });
    await ann.say('meanwhile');
    sources = undefined;
    await ann.say('later');
    // It was tried until then, so it may have been tried too often.
    const noted = () => cluster.stored<{ word: string }>('follower-one', 'noted').map(({ word }) => word);
    await eventually(async () => noted().length + (await node.parked.count()) === 2, 30_000);
    for (const { id, error } of await node.parked.list()) {
      expect(error.code).toBe('INVALID_LISTENER');
      await node.parked.retry(id);
    }
    expect(noted().sort()).toEqual(['later', 'meanwhile']);
    expect(unhandled).toEqual([]);
  });
});
