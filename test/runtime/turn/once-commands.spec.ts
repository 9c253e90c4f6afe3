import { afterEach, describe, expect, it } from '@jest/globals';
import { Actor, type ActorRepository, Command, EventHandler, LiveActor, OneActor } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { ActorBase } from '../../../lib/kernel/declaring/actor.js';
import { OnceAnswers } from '../../../lib/kernel/framework/once-answers.js';
import type { Runtime, RuntimeOptions } from '../../../lib/runtime/node/runtime.js';
import { startNode } from '../../support/runtime.js';

interface Events {
  reserved: { seat: number };
  paid: object;
}

/** A class of each kind, alike in everything else. */
function ticketOf(Base: typeof LiveActor) {
  @Actor()
  class Ticket extends Base<{ paid: number }, Events> {
    initialState() {
      return { paid: 0 };
    }

    @Command() reserve(seat: number) {
      this.fire('reserved', { seat });
      return `reserved ${seat}`;
    }

    @Command() pay() {
      this.fire('paid');
      return 'paid';
    }

    @EventHandler() paid() {
      this.state.paid += 1;
    }
  }
  return Ticket;
}

const LiveTicket = ticketOf(LiveActor);
const LedTicket = ticketOf(OneActor as never);
const LocalTicket = ticketOf(Actor as never);

let running: Runtime[] = [];
afterEach(async () => {
  await Promise.all(running.map((node) => node.stop()));
  running = [];
});

async function start<A extends ActorBase<object, object>>(
  kind: new () => A,
  store: MemoryStore,
  options: Partial<RuntimeOptions> = {},
): Promise<ActorRepository<A>> {
  const { node, actors } = await startNode(kind, { engine: new MemoryEngine({ store }), ...options });
  running.push(node);
  return actors;
}

const fired = (store: MemoryStore, id: string) =>
  (store.streams.get(id) ?? []).map(({ name }) => name).filter((name) => !name.startsWith('$'));

describe.each([
  ['LiveActor', LiveTicket],
  ['OneActor', LedTicket],
  ['Actor', LocalTicket],
])('one idempotency key with two commands of a %s', (_, kind) => {
  const startOn = (store: MemoryStore, options?: Partial<RuntimeOptions>) => start(kind, store, options);

  it('is refused, with both names, and nothing of the second is run', async () => {
    const store = new MemoryStore();
    const here = await (await startOn(store)).get('t');
    expect(await here.once('k').reserve(7)).toBe('reserved 7');
    for (const ticket of [here, await (await startOn(store)).get('t')]) {
      const error = await ticket
        .once('k')
        .pay()
        .catch((refused: unknown) => refused);
      expect(error).toMatchObject({ code: 'KEY_REUSED', retryable: false });
      expect((error as Error).message).toMatch(
        /'pay' was given with the idempotency key 'k', which was used for 'reserve' before/,
      );
    }
    expect(await here.once('k').reserve(7)).toBe('reserved 7');
    expect(await here.once('k2').pay()).toBe('paid');
    expect(fired(store, 't')).toEqual(['reserved', 'paid']);
  });

  it('is refused while the first is still being stored, and when two nodes get them at once', async () => {
    const store = new MemoryStore();
    const here = await (await startOn(store)).get('t');
    const there = await (await startOn(store)).get('t');
    for (const other of [here, there]) {
      const key = other === here ? 'same' : 'both';
      const [reserved, paid] = await Promise.allSettled([here.once(key).reserve(1), other.once(key).pay()]);
      const [won, lost] = reserved.status === 'fulfilled' ? [reserved, paid] : [paid, reserved];
      expect(won.status).toBe('fulfilled');
      expect(lost).toMatchObject({ status: 'rejected', reason: { code: 'KEY_REUSED' } });
    }
    expect(fired(store, 't')).toHaveLength(2);
  });

  it('is refused after a restart from a snapshot', async () => {
    const store = new MemoryStore();
    await (await (await startOn(store, { snapshotEvery: 1 })).get('t')).once('k').reserve(1);
    await running.pop()?.stop();
    const again = await (await startOn(store)).get('t');
    await expect(again.once('k').pay()).rejects.toMatchObject({ code: 'KEY_REUSED' });
    expect(await again.once('k').reserve(1)).toBe('reserved 1');
  });
});

describe('answers that were stored before commands were named', () => {
  it('answer whichever command has their key', async () => {
    const store = new MemoryStore();
    const metadata = JSON.stringify({ actor: 'Ticket', at: new Date().toISOString(), firedBy: { nodeId: 'old' } });
    const data = JSON.stringify({ actor: 'Ticket', key: 'k', answer: 'as before' });
    const events = [{ id: 'old-1', name: '$answered', data, metadata }];
    const actors = await start(LiveTicket, store);
    await running[0]?.parts.engine.append({ streamId: 't', expectedVersion: 0, events });
    const ticket = await actors.get('t');
    expect(await ticket.once('k').reserve(1)).toBe('as before');
    expect(await ticket.once('k').pay()).toBe('as before');
    expect(fired(store, 't')).toEqual([]);
  });

  it('are read from snapshots of that time', () => {
    const answers = new OnceAnswers();
    answers.restore([
      ['with', { answer: 1 }],
      ['without', null],
    ]);
    const again = new OnceAnswers();
    again.restore(JSON.parse(JSON.stringify(answers)) as [string, unknown][]);
    for (const each of [answers, again]) {
      expect(each.get('with')).toEqual({ answer: 1 });
      expect(each.get('without')).toEqual({});
    }
  });
});

it('a command may have any name under a key too', async () => {
  @Actor()
  class Desk extends LiveActor<object, { handled: object }> {
    initialState() {
      return {};
    }
    @Command() handle(what: string) {
      this.fire('handled');
      return `handled ${what}`;
    }
    @Command() key() {
      return 'the key';
    }
    @Command() run() {
      return 'ran';
    }
  }
  const store = new MemoryStore();
  const desk = await (await start(Desk, store)).get('d');
  expect(await desk.once('1').handle('it')).toBe('handled it');
  expect(await desk.once('1').handle('it')).toBe('handled it');
  expect(await desk.once('2').key()).toBe('the key');
  expect(await desk.once('3').run()).toBe('ran');
  expect(fired(store, 'd')).toEqual(['handled']);
});
