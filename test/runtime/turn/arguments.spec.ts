import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, LiveActor, OneActor, type StandardSchema } from 'omniscient-nest';
import { eventually } from '../../support/eventually.js';
import { MemoryCluster } from '../../support/memory-cluster.js';

interface Events {
  put: { item: number };
}

class Line {
  constructor(readonly items: number[]) {}
}

const NOTHING_PUT: number[] = [];
/** What is made of nothing is the same object each time. */
const orNothing: StandardSchema<number[] | undefined, number[]> = {
  '~standard': {
    version: 1,
    vendor: 'spec',
    validate: (value) => ({ value: (value as number[] | undefined) ?? NOTHING_PUT }),
  },
};

@Actor()
class Basket extends LiveActor<{ items: number[] }, Events> {
  initialState() {
    return { items: [] as number[] };
  }

  /** Consumes what it is given. */
  @Command({ onConflict: 'rerun' }) putAll(items: number[]): { put: number[] } {
    const put: number[] = [];
    for (let item = items.shift(); item !== undefined; item = items.shift()) {
      this.fire('put', { item });
      put.push(item);
    }
    return { put };
  }

  @Command() async putSlowly(items: number[]) {
    await sleep(10);
    for (const item of items) this.fire('put', { item });
  }

  @Command() put({ items }: { items: number[] }) {
    for (const item of items.splice(0)) this.fire('put', { item });
  }

  @Command() given(value: unknown): boolean {
    return value === Basket.same;
  }

  @Command({ args: [orNothing] }) addTo(items: number[]): number {
    return items.push(1);
  }

  @EventHandler('put') onPut({ item }: Events['put']) {
    this.state.items.push(item);
  }

  static same: unknown;
}

/** The same stream, led. */
@Actor()
class LedBasket extends OneActor<{ items: number[] }, Events> {
  initialState() {
    return { items: [] as number[] };
  }

  @Command({ onConflict: 'rerun' }) putAll(items: number[]) {
    for (let item = items.shift(); item !== undefined; item = items.shift()) this.fire('put', { item });
  }

  @EventHandler('put') onPut({ item }: Events['put']) {
    this.state.items.push(item);
  }
}

let cluster: MemoryCluster;
beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.stop());

const itemsIn = (streamId: string) => cluster.stored<{ item: number }>(streamId, 'put').map(({ item }) => item);

describe('a command that is decided anew is given the same again', () => {
  it('though its first run consumed it', async () => {
    const [one, two] = [await cluster.start(), await cluster.start()];
    const [here, there] = [await one.actors(Basket).get('b'), await two.actors(Basket).get('b')];
    const answers = await Promise.all([there.putAll([3]), here.putAll([1, 2])]);
    expect(answers).toEqual([{ put: [3] }, { put: [1, 2] }]);
    expect(itemsIn('b')).toEqual([3, 1, 2]);
  });

  it('with an idempotency key too, and each caller has an answer of its own', async () => {
    const [one, two] = [await cluster.start(), await cluster.start()];
    const [here, there] = [await one.actors(Basket).get('b'), await two.actors(Basket).get('b')];
    const [, first] = await Promise.all([there.put({ items: [3] }), here.once('key').put({ items: [1, 2] })]);
    expect(first).toBeUndefined();
    const [, second] = await Promise.all([there.putAll([6]), here.once('all').putAll([4, 5])]);
    expect(itemsIn('b')).toEqual([3, 1, 2, 6, 4, 5]);
    second.put.push(99);
    const third = await here.once('all').putAll([4, 5]);
    expect(third).toEqual({ put: [4, 5] });
    third.put.push(99);
    expect(await here.once('all').putAll([4, 5])).toEqual({ put: [4, 5] });
  });

  it('also where it is led', async () => {
    const { actors } = await cluster.start();
    const [led, other] = [await actors(LedBasket).get('b'), await actors(Basket).get('b')];
    await led.putAll([0]);
    await Promise.all([other.put({ items: [3] }), led.putAll([1, 2])]);
    expect(itemsIn('b')).toEqual([0, 3, 1, 2]);
  });
});

describe('a command sees what it was given at the call', () => {
  it('when its caller changes that while it waits, runs, or its actor is loaded', async () => {
    const { node, actors } = await cluster.start({ passivateAfterMs: 20 });
    const basket = await actors(Basket).get('b');
    await eventually(() => node.residents === 0);
    const lists = [[1], [2], [3], [4]];
    const given = lists.map((list, i) => (i % 2 ? basket.put({ items: list }) : basket.putSlowly(list)));
    for (const list of lists) list.push(99);
    await Promise.all(given);
    expect(itemsIn('b')).toEqual([1, 2, 3, 4]);
    const payload = { item: 5 };
    const slow = basket.putSlowly([6]);
    const fired = basket.fire('put', payload);
    payload.item = 99;
    await Promise.all([slow, fired]);
    expect(itemsIn('b').slice(4)).toEqual([6, 5]);
  });

  it('on the leader too', async () => {
    const [one, two] = [await cluster.start(), await cluster.start()];
    const [here, there] = [await one.actors(LedBasket).get('b'), await two.actors(LedBasket).get('b')];
    await here.putAll([0]);
    const lists = [[1], [2]] as const;
    const given = [here.putAll(lists[0] as never), there.putAll(lists[1] as never)];
    for (const list of lists) (list as unknown as number[]).push(99);
    await Promise.all(given);
    expect(itemsIn('b').sort()).toEqual([0, 1, 2]);
  });

  it('and does nothing to what its caller has', async () => {
    const { actors } = await cluster.start();
    const basket = await actors(Basket).get('b');
    const items = [1, 2];
    await basket.putAll(items);
    await basket.put({ items });
    expect(items).toEqual([1, 2]);
    expect([await basket.addTo(undefined as never), await basket.addTo(undefined as never)]).toEqual([1, 1]);
  });

  it('and gets what is no data as it is', async () => {
    const { actors } = await cluster.start();
    const basket = await actors(Basket).get('b');
    for (const same of [new Line([1]), () => 1, { send: () => 1 }, new Map(), Symbol('same')]) {
      Basket.same = same;
      expect(await basket.given(same)).toBe(true);
    }
  });
});

it('a subscription follows the names that it was given', async () => {
  const { node, actors } = await cluster.start();
  const basket = await actors(Basket).get('b');
  const names = ['put'];
  const events$ = node.subscriptions.named$(names);
  names[0] = 'never';
  const seen: string[] = [];
  events$.subscribe(({ name }) => seen.push(name));
  await basket.putAll([1]);
  await eventually(() => seen.length === 1);
  expect(seen).toEqual(['put']);
});
