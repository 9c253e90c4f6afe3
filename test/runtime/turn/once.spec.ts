import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, LiveActor, OneActor } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { ActorBase, ActorClass } from '../../../lib/kernel/declaring/actor.js';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import { ONCE_KEYS_MAX } from '../../../lib/kernel/framework/once-answers.js';
import { Runtime, type RuntimeOptions } from '../../../lib/runtime/node/runtime.js';
import type { ActorRepository } from '../../../lib/runtime/refs/actor-repository.js';
import { silent, WeatheredEngine } from '../../support/runtime.js';

interface Events {
  paid: { amount: number };
}

const ran: number[] = [];

@Actor()
class Purse extends LiveActor<{ paid: number }, Events> {
  initialState() {
    return { paid: 0 };
  }

  @Command({ onConflict: 'rerun' })
  async pay(amount: number, note?: string) {
    ran.push(amount);
    await sleep(1);
    if (amount < 0) throw new RangeError('less than nothing');
    if (amount > 0) this.fire('paid', { amount });
    return { total: this.state.paid, ...(note !== undefined && { note }) };
  }

  @Command() async inParts() {
    this.fire('paid', { amount: 1 });
    await this.commit();
  }

  @EventHandler() paid({ amount }: Events['paid']) {
    this.state.paid += amount;
  }
}

@Actor()
class LedPurse extends OneActor<{ paid: number }, Events> {
  initialState() {
    return { paid: 0 };
  }

  @Command() pay(amount: number, note?: string) {
    ran.push(amount);
    if (amount < 0) throw new RangeError('less than nothing');
    if (amount > 0) this.fire('paid', { amount });
    return { total: this.state.paid, ...(note !== undefined && { note }) };
  }

  @EventHandler() paid({ amount }: Events['paid']) {
    this.state.paid += amount;
  }
}

/** Every run has another answer. */
@Actor()
class Till extends LiveActor<{ slips: string[] }, { printed: { slip: string } }> {
  initialState() {
    return { slips: [] as string[] };
  }

  @Command() print(): string {
    const slip = `slip ${ran.push(0)}`;
    this.fire('printed', { slip });
    return slip;
  }

  @EventHandler() printed({ slip }: { slip: string }): void {
    this.state.slips.push(slip);
  }
}

@Actor()
class LocalPurse extends Actor<{ paid: number }, Events> {
  initialState() {
    return { paid: 0 };
  }

  @Command() pay(amount: number, note?: string) {
    ran.push(amount);
    if (amount < 0) throw new RangeError('less than nothing');
    if (amount > 0) this.fire('paid', { amount });
    return { total: this.state.paid, ...(note !== undefined && { note }) };
  }

  @EventHandler() paid({ amount }: Events['paid']) {
    this.state.paid += amount;
  }
}

let store: MemoryStore;
let running: Runtime[] = [];

beforeEach(() => {
  store = new MemoryStore();
  ran.length = 0;
});
afterEach(async () => {
  await Promise.all(running.map((node) => node.stop()));
  running = [];
});

async function startNode<A extends ActorBase<object, object>>(
  kind: new () => A,
  options: Partial<RuntimeOptions> = {},
): Promise<ActorRepository<A>> {
  const node = new Runtime({ engine: new MemoryEngine({ store }), log: silent, heartbeatTimeoutMs: 300, ...options });
  running.push(node);
  await node.start();
  return node.register<A>(defineActor(kind as ActorClass), () => new kind());
}

const paid = (id: string) => (store.streams.get(id) ?? []).filter(({ name }) => name === 'paid').length;

describe.each([Purse, LedPurse, LocalPurse])('a command with an idempotency key: %p', (kind) => {
  const start = (options?: Partial<RuntimeOptions>) => startNode(kind as typeof Purse, options);

  it('has effect once and gives the same answer, at once, later, and from other nodes', async () => {
    const purses = [await (await start()).get('p'), await (await start()).get('p'), await (await start()).get('p')];
    const answers = await Promise.all(
      purses.flatMap((purse) => [purse.once('k').pay(5, 'a'), purse.once('k').pay(5, 'a')]),
    );
    expect(answers).toEqual(answers.map(() => ({ total: 5, note: 'a' })));
    expect(paid('p')).toBe(1);
    expect(await purses[2]?.once('k').pay(7)).toEqual({ total: 5, note: 'a' });
    expect(await purses[1]?.once('other').pay(7)).toEqual({ total: 12 });
    expect(await (await (await start()).get('p')).once('k').pay(5)).toEqual({ total: 5, note: 'a' });
    expect(paid('p')).toBe(2);
  });

  it('remembers an answer of a command that fires nothing, and nothing of one that fails', async () => {
    const purse = await (await start()).get('p');
    expect(await purse.once('zero').pay(0)).toEqual({ total: 0 });
    await purse.pay(3);
    expect(await purse.once('zero').pay(0)).toEqual({ total: 0 });
    await expect(purse.once('less').pay(-1)).rejects.toThrow('less than nothing');
    expect(await purse.once('less').pay(1)).toEqual({ total: 4 });
  });

  it('knows it after a restart from a snapshot, and forgets the oldest of very many', async () => {
    const purse = await (await start({ snapshotEvery: 10 })).get('p');
    for (let i = 0; i <= ONCE_KEYS_MAX; i += 1) await purse.once(`k${i}`).pay(1);
    const again = await (await start()).get('p');
    expect(await again.once('k1').pay(1)).toEqual({ total: 2 });
    expect(await again.once(`k${ONCE_KEYS_MAX}`).pay(1)).toEqual({ total: ONCE_KEYS_MAX + 1 });
    expect(paid('p')).toBe(ONCE_KEYS_MAX + 1);
    await again.once('k0').pay(1);
    expect(paid('p')).toBe(ONCE_KEYS_MAX + 2);
  });

  it('refuses a key that is none', async () => {
    const purse = await (await start()).get('p');
    for (const key of ['', 'x'.repeat(201), 7 as never]) {
      expect(() => purse.once(key)).toThrow(expect.objectContaining({ code: 'INVALID_KEY' }));
    }
  });
});

describe('a command with an idempotency key, in bad weather', () => {
  it('has effect once when its caller gave up, answers were lost and it is given again', async () => {
    let lost = 0;
    const weather = { loseAnswer: () => (lost += 1) % 3 === 0, refuse: () => lost % 4 === 1 && Math.random() < 0.5 };
    const purses = await Promise.all(
      [1, 2, 3].map(async () =>
        (await startNode(Purse, { engine: new WeatheredEngine(weather, store), commitTimeoutMs: 30 })).get('p'),
      ),
    );
    for (let i = 0; i < 30; i += 1) {
      for (;;) {
        const tries = await Promise.allSettled(purses.map((purse) => purse.once(`k${i}`).pay(1)));
        const answers = tries.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
        for (const answer of answers) expect(answer).toEqual({ total: i + 1 });
        if (answers.length > 0) break;
      }
    }
    expect(paid('p')).toBe(30);
  });

  it('answers everybody what is stored, also who was told of another answer before another node was first', async () => {
    for (let i = 0; i < 20; i += 1) {
      const tills = await Promise.all([1, 2].map(async () => (await startNode(Till)).get(`t${i}`)));
      const answers = await Promise.all([...tills, ...tills].map((till) => till.once('key').print()));
      const stored = (store.streams.get(`t${i}`) ?? []).filter(({ name }) => name === 'printed');
      expect(stored).toHaveLength(1);
      const slip = JSON.parse(stored[0]?.data ?? '').slip as string;
      expect(answers).toEqual([slip, slip, slip, slip]);
    }
  });

  it('is stored in one piece', async () => {
    const purse = await (await startNode(Purse)).get('p');
    await expect(purse.once('k').inParts()).rejects.toThrow('in one commit');
    expect(paid('p')).toBe(0);
  });
});
