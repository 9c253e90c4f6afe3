import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { AppendRequest, AppendResult } from '../../../lib/engine/duties/append.js';
import { EngineError } from '../../../lib/kernel/values/errors.js';
import { Account, failing, Shop } from '../../support/listeners.js';
import { startNode } from '../../support/runtime.js';
import { randomFrom, seedFor } from '../../support/seed.js';

const ACCOUNT = 'account';

let store: MemoryStore;
let stop: () => Promise<unknown>;
beforeEach(() => {
  store = new MemoryStore();
});
afterEach(async () => {
  failing.clear();
  await stop();
});

/** What becomes of an append to the account. */
type Fate = (request: AppendRequest) => 'stored' | 'refused' | 'answer lost';

/** Somebody who orders in one go, and the account that the orders call into life. */
async function begin(fateOf: Fate, reactionTriesMax = 1_000) {
  let appends = 0;
  class Fateful extends MemoryEngine {
    override async append(request: AppendRequest): Promise<AppendResult> {
      if (request.streamId !== ACCOUNT) return super.append(request);
      appends += 1;
      const fate = fateOf(request);
      if (fate === 'refused') throw new Error('refused');
      const result = await super.append(request);
      if (fate === 'stored') return result;
      throw new EngineError('ENGINE_UNAVAILABLE', 'the answer was lost', { retryable: true, outcomeUnknown: true });
    }
  }
  const { node, actors, also } = await startNode(Shop, { engine: new Fateful({ store }), reactionTriesMax });
  stop = () => node.stop();
  also(Account);
  await node.begin();
  const shop = await actors.get('shop');
  const order = (from: number, to: number) =>
    Promise.all(Array.from({ length: to - from }, (_, i) => shop.order(ACCOUNT, from + i)));
  return { order, appends: () => appends };
}

function charged(): number[] {
  const events = store.streams.get(ACCOUNT) ?? [];
  return events.filter(({ name }) => name === 'charged').map(({ data }) => JSON.parse(data).amount as number);
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(2);
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('events on their way to one actor', () => {
  it('share appends: the next reaction runs before the one before it is stored', async () => {
    const { order, appends } = await begin(() => 'stored');
    await order(0, 200);
    await until(() => charged().length === 200);
    expect(charged()).toEqual(upTo(200));
    expect(appends()).toBeLessThan(100);
  });

  it('come again, in order, from the first whose reaction could not be stored', async () => {
    let refusals = 3;
    const { order } = await begin(({ events }) => {
      if (!events.some(({ data }) => data.includes('"amount":7,')) || refusals === 0) return 'stored';
      refusals -= 1;
      return 'refused';
    });
    // More than are under way at the same time.
    await order(0, 600);
    await until(() => charged().length >= 600);
    await sleep(20);
    expect(charged()).toEqual(upTo(600));
    expect(refusals).toBe(0);
  });

  it('are parked if their reaction can never be stored; those after them go on', async () => {
    const { order } = await begin(
      ({ events }) => (events.some(({ data }) => data.includes('"amount":7,')) ? 'refused' : 'stored'),
      2,
    );
    await order(0, 20);
    await until(() => charged().length >= 19);
    expect(charged()).toEqual(upTo(20).filter((amount) => amount !== 7));
    const parked = (store.streams.get(ACCOUNT) ?? []).filter(({ name }) => name === '$parked');
    expect(parked.map(({ data }) => JSON.parse(data).event.data.amount)).toEqual([7]);
  });

  it('have effect once, in order, whatever fails at random', async () => {
    const random = randomFrom(seedFor('call-line'));
    let isBad = true;
    const { order } = await begin(() => {
      const chance = isBad ? random() : 1;
      if (chance < 0.02) return 'refused';
      return chance < 0.2 ? 'answer lost' : 'stored';
    });
    failing.set(ACCOUNT, () => {
      if (isBad && random() < 0.01) throw new Error('not now');
    });
    let ordered = 0;
    while (ordered < 400) {
      const next = Math.min(400, ordered + 1 + Math.floor(random() * 40));
      await order(ordered, next);
      ordered = next;
      if (random() < 0.5) await sleep(random() * 5);
    }
    await until(() => charged().length >= 200);
    isBad = false;
    await until(() => charged().length >= 400);
    await sleep(20);
    expect(charged()).toEqual(upTo(400));
  });
});
