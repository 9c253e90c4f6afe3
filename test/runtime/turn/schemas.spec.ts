import { afterEach, describe, expect, it } from '@jest/globals';
import { type } from 'arktype';
import { Actor, Command, EventHandler, LiveActor, OneActor, SchemaError, type StandardSchema } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import * as v from 'valibot';
import { z } from 'zod';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import { describeOnEngines } from '../../support/engines.js';
import { startNode } from '../../support/runtime.js';

interface Order {
  items: { name: string; price: number }[];
  note?: string | undefined;
}
interface OrderEvents {
  ordered: Order;
  noted: { text: string };
}

/** The same schema three times: a note by default, prices that are numbers. */
const LIBRARIES: [name: string, schema: StandardSchema<unknown, Order>, text: StandardSchema<unknown, string>][] = [
  [
    'zod',
    z.object({ items: z.array(z.object({ name: z.string(), price: z.number() })), note: z.string().default('none') }),
    z.string().min(2),
  ],
  [
    'valibot',
    v.object({
      items: v.array(v.object({ name: v.string(), price: v.number() })),
      note: v.optional(v.string(), 'none'),
    }),
    v.pipe(v.string(), v.minLength(2)),
  ],
  [
    'arktype',
    type({ items: type({ name: 'string', price: 'number' }).array(), note: 'string = "none"' }),
    type('string >= 2'),
  ],
];

const GOOD = [{ name: 'a', price: 1 }];
const BAD = [...GOOD, { name: 'b', price: 2 }, { name: 'c', price: 'free' as unknown as number }];

const nodes: Runtime[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
});

describe.each(LIBRARIES)('schemas of %s', (_, order, text) => {
  @Actor({ schemas: { ordered: order } })
  class Shop extends LiveActor<{ orders: Order[] }, OrderEvents> {
    initialState() {
      return { orders: [] as Order[] };
    }
    @Command() order(items: Order['items']): void {
      this.fire('noted', { text: 'first' });
      this.fire('ordered', { items });
    }
    @Command({ args: [order, text] }) take({ items, note }: Order, who: string): string {
      this.fire('ordered', { items, note: `${note} for ${who}` });
      return `${note} for ${who}`;
    }
    @Command() again(): void {
      const [first] = this.state.orders;
      if (first) this.fire('ordered', first);
    }
    @EventHandler() ordered(data: Order): void {
      this.state.orders.push(data);
    }
  }

  describeOnEngines('events and commands', (newEngine) => {
    async function shop() {
      const { actors, node } = await startNode(Shop, { engine: newEngine() });
      nodes.push(node);
      return { shop: await actors.get('s'), stored: () => node.parts.engine.readStream('s', 0, 10) };
    }

    it('refuse a payload before anything is applied or stored, with the path of the field', async () => {
      const { shop: ref, stored } = await shop();
      const refusal = { code: 'SCHEMA_MISMATCH', actor: 'Shop', event: 'ordered', path: 'items[2].price' };
      for (const call of [() => ref.order(BAD), () => ref.fire('ordered', { items: BAD })]) {
        const error: unknown = await call().catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(SchemaError);
        expect(error).toMatchObject({ ...refusal, retryable: false });
        const { message, issues } = error as SchemaError;
        expect(message).toMatch(
          /^the payload of 'ordered' \(Shop\) does not fit its schema: items\[2\]\.price: .*number/,
        );
        expect(message).not.toMatch(/items\[2\]\.price.*items\[2\]\.price/);
        expect(issues).toStrictEqual([{ path: 'items[2].price', message: expect.any(String) }]);
      }
      expect(ref.state).toEqual({ orders: [] });
      expect(await stored()).toEqual([]);
    });

    it('store what the schema makes of a payload', async () => {
      const { shop: ref, stored } = await shop();
      await ref.order(GOOD);
      expect(ref.state).toEqual({ orders: [{ items: GOOD, note: 'none' }] });
      expect((await stored()).map(({ data }) => JSON.parse(data))).toEqual([
        { text: 'first' },
        { items: GOOD, note: 'none' },
      ]);
    });

    it('keep commands in the order of the calls, and look at parts of the state as at any data', async () => {
      const { shop: ref, stored } = await shop();
      await ref.order(GOOD);
      await Promise.all([
        ref.take({ items: GOOD }, 'Anna'),
        ref.fire('noted', { text: 'between' }),
        ref.again(),
        ref.take({ items: [] }, 'Berta'),
      ]);
      const events = (await stored()).slice(2);
      expect(events.map(({ data }) => JSON.parse(data))).toEqual([
        { items: GOOD, note: 'none for Anna' },
        { text: 'between' },
        { items: GOOD, note: 'none' },
        { items: [], note: 'none for Berta' },
      ]);
    });

    it('refuse an argument before the command runs, and pass on what the schema makes of a good one', async () => {
      const { shop: ref, stored } = await shop();
      await expect(ref.take({ items: BAD }, 'Anna')).rejects.toMatchObject({
        code: 'SCHEMA_MISMATCH',
        actor: 'Shop',
        command: 'take',
        event: undefined,
        path: 'args[0].items[2].price',
        message: expect.stringMatching(
          /^argument 1 of 'take' \(Shop\) does not fit its schema: args\[0\]\.items\[2\]\.price: /,
        ),
      });
      await expect(ref.take({ items: GOOD }, 'A')).rejects.toMatchObject({ path: 'args[1]' });
      expect(await stored()).toEqual([]);
      expect(await ref.take({ items: GOOD }, 'Anna')).toBe('none for Anna');
    });
  });
});

describe('schemas', () => {
  const late = z.string().refine(async (value) => value !== '');

  @Actor({
    schemas: {
      dated: z.object({ at: z.coerce.date() }) as never,
      awaited: z.object({ text: late }),
      kept: z.object({ kept: z.string() }),
    },
  })
  class Odd extends LiveActor<object, { dated: { at: string }; awaited: { text: string }; kept: { kept: string } }> {
    initialState() {
      return {};
    }
    @Command({ args: [late] }) wait(text: string): string {
      return text;
    }
    @Command({ args: [undefined, z.coerce.number()] }) add(a: number, b: number, c = 3): number {
      return a + b + c;
    }
    @Command({ args: [z.number().default(7)] }) orSeven(n?: number): number | undefined {
      return n;
    }
    /** A ref has methods of its own, and a class may still call its commands whatever it likes. */
    @Command() run(): string {
      return 'ran';
    }
  }
  @Actor()
  class Odder extends Odd {}

  async function odd(actorClass: new () => Odd = Odd) {
    const { actors, node } = await startNode(actorClass);
    nodes.push(node);
    return actors.get('x');
  }

  it('must give plain data for events', async () => {
    await expect((await odd()).fire('dated', { at: '2026-01-01' })).rejects.toMatchObject({
      code: 'PAYLOAD_NOT_JSON',
      path: '$.at',
    });
  });

  it('must answer at once', async () => {
    const ref = await odd();
    const refusal = { code: 'ASYNC_SCHEMA', message: expect.stringMatching(/'awaited'|'wait'/) };
    await expect(ref.fire('awaited', { text: 'x' })).rejects.toMatchObject(refusal);
    await expect(ref.wait('x')).rejects.toMatchObject(refusal);
  });

  it('look only at the arguments that they are for, also at one that is missing', async () => {
    const ref = await odd();
    expect(await ref.add(1, '2' as unknown as number)).toBe(6);
    expect(await ref.orSeven()).toBe(7);
    expect(await ref.run()).toBe('ran');
    await ref.fire('kept', { kept: 'x' });
  });

  it('are inherited', async () => {
    await expect((await odd(Odder)).fire('kept', {} as never)).rejects.toMatchObject({ actor: 'Odder', path: 'kept' });
  });
});

describe('schemas of a OneActor', () => {
  @Actor({ schemas: { counted: z.object({ n: z.number(), by: z.string().default('nobody') }) } })
  class Count extends OneActor<{ n: number }, { counted: { n: number; by?: string | undefined } }> {
    initialState() {
      return { n: 0 };
    }
    /** The schema would not accept its own output: it is asked once. */
    @Command({ args: [z.string().transform(Number)] }) count(n: number): number {
      runs += 1;
      this.fire('counted', { n });
      return this.state.n;
    }
    @EventHandler() counted({ n }: { n: number }): void {
      this.state.n += n;
    }
  }
  let runs = 0;

  it('are asked on the node where the command is given, and the events on the leader', async () => {
    const store = new MemoryStore();
    const leader = await startNode(Count, { engine: new MemoryEngine({ store }), nodeId: 'leader' });
    const other = await startNode(Count, { engine: new MemoryEngine({ store }), nodeId: 'other' });
    nodes.push(leader.node, other.node);
    const led = await leader.actors.get('c');
    await led.count('1' as never);
    const ref = await other.actors.get('c');
    expect(await ref.count('2' as never)).toBe(3);
    expect([led.isLeader, ref.isLeader, runs]).toEqual([true, false, 2]);
    await expect(ref.count(4)).rejects.toMatchObject({ path: 'args[0]', command: 'count' });
    expect(runs).toBe(2);
    const error: unknown = await ref.fire('counted', { n: 'x' as never }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SchemaError);
    expect(error).toMatchObject({ event: 'counted', path: 'n', code: 'SCHEMA_MISMATCH' });
    expect((error as SchemaError).issues).toHaveLength(1);
    const [last] = (store.streams.get('c') ?? []).slice(-1);
    expect(JSON.parse(last?.data ?? '')).toMatchObject(last?.name === 'counted' ? { n: 2, by: 'nobody' } : {});
    expect(led.state).toEqual({ n: 3 });
  });
});
