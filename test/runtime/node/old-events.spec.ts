import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Actor,
  Command,
  EventHandler,
  HandlerError,
  type Heard,
  ListenTo,
  LiveActor,
  OmniscientError,
  OneActor,
  Upcast,
} from 'omniscient-nest';
import { firstValueFrom, take, toArray } from 'rxjs';
import { z } from 'zod';
import type { Engine } from '../../../lib/engine/duties/engine.js';
import type { ActorBase } from '../../../lib/kernel/declaring/actor.js';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import { describeOnEngines } from '../../support/engines.js';
import { eventually } from '../../support/eventually.js';
import { startNode } from '../../support/runtime.js';
import { User, UserV1, UserV2 } from '../../support/users.js';

const nodes: Runtime[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
});

async function start<A extends ActorBase<object, object>>(actorClass: new () => A, engine: Engine, snapshotEvery = 0) {
  const started = await startNode(actorClass, { engine, snapshotEvery });
  nodes.push(started.node);
  return started;
}

const ANNA = { first: 'Anna', last: 'A', email: null };
const BERTA = { first: 'Berta', last: 'B', email: 'b@example.org' };
const CLARA = { first: 'Clara', last: 'C', email: 'User@example.org' };
const DORA = { first: 'Dora', last: 'D', email: null };

describeOnEngines('old events', (newEngine) => {
  /** Four events, each of another time. */
  async function history(): Promise<void> {
    const first = await start(UserV1, newEngine());
    await (await first.actors.get('u')).signUp('Anna A');
    const second = await start(UserV2, newEngine());
    await (await second.actors.get('u')).signUp('Berta B', 'b@example.org');
    await (await first.actors.get('u')).fire('joined', { name: 'Clara C' });
    const today = await start(User, newEngine());
    await (await today.actors.get('u')).signUp('Dora', 'D');
  }

  it('are read as what they mean today, through the whole chain, and stay as they are stored', async () => {
    await history();
    const { actors, node } = await start(User, newEngine());
    expect((await actors.get('u')).state).toEqual({ users: [ANNA, BERTA, CLARA, DORA] });
    const stored = await node.parts.engine.readStream('u', 0, 10);
    expect(stored.map(({ name, data }) => [name, JSON.parse(data)])).toEqual([
      ['signed_up', { username: 'Anna A' }],
      ['signed_up', { username: 'Berta B', email: 'b@example.org' }],
      ['joined', { name: 'Clara C' }],
      ['signed_up', DORA],
    ]);
  });

  it('are seen as what they mean today by subscribers and in replays of that class', async () => {
    await history();
    const { actors, node } = await start(User, newEngine());
    const events = await firstValueFrom(actors.events$('u').pipe(take(4), toArray()));
    expect(events).toMatchObject(
      [ANNA, BERTA, CLARA, DORA].map((data, i) => ({ name: 'signed_up', data, version: i + 1, streamId: 'u' })),
    );
    expect(events.every((event) => Object.isFrozen(event) && Object.isFrozen(event.data))).toBe(true);
    const steps = [];
    for await (const { event, state } of actors.replay('u')) steps.push([event.data, state.users.length]);
    expect(steps).toEqual([ANNA, BERTA, CLARA, DORA].map((data, i) => [data, i + 1]));
    const raw = await firstValueFrom(node.subscriptions.stream$('u').pipe(take(3), toArray()));
    expect(raw.map(({ name }) => name)).toEqual(['signed_up', 'signed_up', 'joined']);
  });

  it('are understood live, from a node on which the class is still the old one', async () => {
    const old = await start(UserV1, newEngine());
    const today = await start(User, newEngine());
    const here = await today.actors.get('u');
    await here.signUp('Dora', 'D');
    await (await old.actors.get('u')).signUp('Anna A');
    await firstValueFrom(today.actors.events$('u', { after: 1 }));
    await eventually(() => here.version >= 2);
    expect(here.state.users).toEqual([DORA, ANNA]);
    // Its own next event goes on top of what it took over.
    await here.signUp('Dora', 'D');
    expect(here.confirmed).toEqual({ state: { users: [DORA, ANNA, DORA] }, version: 3 });
  });

  it('give a state that is memoised until an upcast, or its schema, becomes another', async () => {
    const old = await start(UserV1, newEngine());
    for (let i = 0; i < 12; i += 1) await (await old.actors.get('u')).signUp('Anna A');
    const loads = async (actorClass: new () => Counted) => {
      counted = 0;
      const { actors, node } = await start(actorClass, newEngine(), 5);
      const names = await actors.get('u');
      const loaded = { first: names.state.names[0], counted };
      await names.fire('signed_up', { name: 'Dora D' });
      await sleep(5);
      await node.stop();
      return loaded;
    };
    expect(await loads(upper())).toEqual({ first: 'ANNA A', counted: 12 });
    // The same source in another class: the snapshot is as good as before, and only the event after it is read.
    expect(await loads(upper())).toEqual({ first: 'ANNA A', counted: 1 });
    expect(await loads(lower())).toEqual({ first: 'anna a', counted: 14 });
    expect(await loads(upper(z.strictObject({ username: z.string().min(2) })))).toEqual({
      first: 'ANNA A',
      counted: 15,
    });
    expect(await loads(upper(z.strictObject({ username: z.string().min(2) })))).toMatchObject({ counted: 1 });
  });
});

let counted = 0;
type Counted = LiveActor<{ names: string[] }, { signed_up: { name: string } }>;

function upper(from: z.ZodType<{ username: string }> = z.strictObject({ username: z.string() })): new () => Counted {
  @Actor({ name: 'Names' })
  class Upper extends LiveActor<{ names: string[] }, { signed_up: { name: string } }> {
    initialState() {
      return { names: [] as string[] };
    }
    @Upcast('signed_up', from) static old({ username }: { username: string }) {
      return { name: username.toUpperCase() };
    }
    @EventHandler() signed_up({ name }: { name: string }) {
      counted += 1;
      this.state.names.push(name);
    }
  }
  return Upper;
}

function lower(): new () => Counted {
  @Actor({ name: 'Names' })
  class Lower extends LiveActor<{ names: string[] }, { signed_up: { name: string } }> {
    initialState() {
      return { names: [] as string[] };
    }
    @Upcast('signed_up', z.strictObject({ username: z.string() })) static old({ username }: { username: string }) {
      return { name: username.toLowerCase() };
    }
    @EventHandler() signed_up({ name }: { name: string }) {
      counted += 1;
      this.state.names.push(name);
    }
  }
  return Lower;
}

interface PriceEvents {
  priced: { cents: number; currency: string };
}
const inEuros = z.object({ euros: z.number() });

@Actor()
class Price extends LiveActor<{ cents: number; log: string[] }, PriceEvents> {
  initialState() {
    return { cents: 0, log: [] as string[] };
  }
  /** Not static, and with help from another method. */
  @Upcast('priced', inEuros) protected fromEuros({ euros }: z.infer<typeof inEuros>): PriceEvents['priced'] {
    return { cents: this.centsOf(euros), currency: 'EUR' };
  }
  protected centsOf(amount: number): number {
    return Math.round(amount * 100);
  }
  @Command() async slowly(cents: number, waitMs: number): Promise<void> {
    this.fire('priced', { cents, currency: 'EUR' });
    await sleep(waitMs);
  }
  @EventHandler() priced({ cents, currency }: PriceEvents['priced']): void {
    this.state.cents += cents;
    this.state.log.push(`${cents} ${currency}`);
  }
}

/** Inherits one upcast, has another one in its place, and one of its own. */
@Actor()
class DearPrice extends Price {
  @Upcast('priced', inEuros) protected override fromEuros({ euros }: { euros: number }): PriceEvents['priced'] {
    return { cents: this.centsOf(euros) * 2, currency: 'EUR' };
  }
  @Upcast('set', { to: 'priced', from: z.strictObject({ cents: z.number() }) })
  static fromSet({ cents }: { cents: number }): PriceEvents['priced'] {
    return { cents, currency: 'EUR' };
  }
}

@Actor({ prefix: 'ear-' })
class ListenerSubscription extends LiveActor<
  { heard: number[] },
  PriceEvents & { heard: { cents: number }; begun: object }
> {
  initialState() {
    return { heard: [] as number[] };
  }
  @Upcast('priced', inEuros) static fromEuros({ euros }: { euros: number }): PriceEvents['priced'] {
    return { cents: euros * 100, currency: 'EUR' };
  }
  @ListenTo((_state: object) => 'x', { from: 0, events: ['priced'] })
  onPrice({ data }: Heard<PriceEvents>): void {
    this.fire('heard', { cents: data.cents });
  }
  @EventHandler('heard') onHeard({ cents }: { cents: number }): void {
    this.state.heard.push(cents);
  }
}

/** One for each price. */
@Actor({ prefix: 'called-' })
class Called extends LiveActor<{ calls: number }, PriceEvents & { called: object }> {
  initialState() {
    return { calls: 0 };
  }
  @Upcast('priced', inEuros) static fromEuros({ euros }: { euros: number }): PriceEvents['priced'] {
    return { cents: euros * 100, currency: 'EUR' };
  }
  @ListenTo<PriceEvents>({ events: ['priced'], to: ({ data }) => String(data.cents) })
  onPrice(_event: Heard<PriceEvents>): void {
    this.fire('called', {});
  }
  @EventHandler('called') onCalled(): void {
    this.state.calls += 1;
  }
}

/** What fires the shapes that are no longer fired. */
@Actor()
class Past extends LiveActor<object, Record<string, unknown>> {
  initialState() {
    return {};
  }
}

describe('upcasts', () => {
  async function withPast(...events: [name: string, data: unknown][]) {
    const { actors, also, node } = await startNode(Past);
    nodes.push(node);
    const past = await actors.get('x');
    for (const [name, data] of events) await past.fire(name, data);
    return { past, also, node };
  }

  it('are inherited, replaced by those of the same method, and added to', async () => {
    const { also } = await withPast(['priced', { euros: 1.5 }], ['set', { cents: 7 }]);
    expect((await also(Price).get('x')).state.log).toEqual(['150 EUR']);
    expect((await also(DearPrice).get('x')).state.log).toEqual(['300 EUR', '7 EUR']);
  });

  it('are applied to what others store while commands of its own are pending', async () => {
    const { past, also } = await withPast();
    const price = await also(Price).get('x');
    const slow = price.slowly(1, 30);
    await past.fire('priced', { euros: 2 });
    await slow;
    expect(price.confirmed).toMatchObject({ state: { cents: 201 }, version: 2 });
  });

  it("do not touch what has today's shape, and give each event a payload of its own", async () => {
    const constant = { at: { n: 1 } };
    @Actor()
    class Shared extends LiveActor<{ seen: unknown[] }, { seen: { at: { n: number } } }> {
      initialState() {
        return { seen: [] as unknown[] };
      }
      @Upcast('seen', z.strictObject({})) static old() {
        return constant;
      }
      @EventHandler() seen(data: { at: { n: number } }) {
        data.at.n += 1;
        this.state.seen.push(data);
      }
    }
    const { also } = await withPast(['seen', {}], ['seen', {}], ['seen', { at: { n: 7 }, more: 1 }]);
    expect((await also(Shared).get('x')).state.seen).toEqual([
      { at: { n: 2 } },
      { at: { n: 2 } },
      { at: { n: 8 }, more: 1 },
    ]);
    expect(constant).toEqual({ at: { n: 1 } });
  });

  it('refuse to fire what would be taken for an old event, and what has another name today', async () => {
    const { also, node } = await withPast();
    const price = await also(Price).get('x');
    const both = price.fire('priced', { cents: 1, currency: 'EUR', euros: 1 } as never);
    await expect(both).rejects.toMatchObject({
      code: 'LOOKS_OLD',
      message: expect.stringContaining('Price.fromEuros'),
    });
    const renamed = (await also(DearPrice).get('x')).fire('set' as 'priced', { cents: 1 } as never);
    await expect(renamed).rejects.toMatchObject({
      code: 'LOOKS_OLD',
      message: expect.stringContaining("fire 'priced'"),
    });
    expect(await node.parts.engine.streamVersion('x')).toBe(0);
  });

  it('run on a OneActor, too', async () => {
    @Actor()
    class Till extends OneActor<{ cents: number }, PriceEvents> {
      initialState() {
        return { cents: 0 };
      }
      @Upcast('priced', inEuros) static fromEuros({ euros }: { euros: number }): PriceEvents['priced'] {
        return { cents: euros * 100, currency: 'EUR' };
      }
      @Command() add(cents: number): number {
        this.fire('priced', { cents, currency: 'EUR' });
        return this.state.cents;
      }
      @EventHandler() priced({ cents }: PriceEvents['priced']) {
        this.state.cents += cents;
      }
    }
    const { also } = await withPast(['priced', { euros: 3 }]);
    expect(await (await also(Till).get('x')).add(5)).toBe(305);
  });

  it('leave events alone that are fired, and need no handler, and have only some old shapes', async () => {
    @Actor()
    class Unhandled extends LiveActor<object, PriceEvents> {
      initialState() {
        return {};
      }
      @Upcast('priced', z.strictObject({ euros: z.number() })) static old({ euros }: { euros: number }) {
        return { cents: euros * 100, currency: 'EUR' };
      }
    }
    const { also } = await withPast(['priced', { euros: 1 }]);
    const prices = also(Unhandled);
    await (await prices.get('x')).fire('priced', { cents: 1, currency: 'EUR' });
    const events = await firstValueFrom(prices.events$('x').pipe(take(2), toArray()));
    expect(events.map(({ data }) => data.cents)).toEqual([100, 1]);
  });

  it('are applied to what the class listens to', async () => {
    const { past, also } = await withPast(['priced', { euros: 4 }]);
    const ear = await also(ListenerSubscription).get('ear');
    await ear.fire('begun', {});
    await past.fire('priced', { cents: 5, currency: 'EUR' });
    await eventually(() => ear.state.heard.length >= 2);
    expect(ear.state.heard).toEqual([400, 5]);
  });

  it('are applied before an event is asked whom it concerns', async () => {
    const { past, also, node } = await withPast();
    const called = also(Called);
    await node.begin();
    await past.fire('priced', { euros: 6 });
    await past.fire('priced', { cents: 600, currency: 'EUR' });
    await eventually(async () => (await called.get('600')).state.calls >= 2);
    expect((await called.get('600')).state.calls).toBe(2);
  });

  const give = (given: unknown) => () => given;
  it.each([
    [
      'throws',
      () => {
        throw new Error('no idea');
      },
      /Odd\.old, which upcasts 'odd', failed: no idea/,
    ],
    ['returns a promise', async () => ({}), /instance of Promise/],
    ['returns nothing', give(undefined), /what it returns is not plain data/],
    ['returns what JSON does not carry', give({ at: new Date() }), /\$\.at is an instance of Date/],
    ['gives what its schema refuses', give({ n: 'x' }), /old event 'odd' did not become a 'odd' of today.*n: /],
  ])('fail the loading when one %s', async (_, old: () => unknown, message) => {
    @Actor({ schemas: { odd: z.object({ n: z.number() }) } })
    class Odd extends LiveActor<object, { odd: { n: number } }> {
      initialState() {
        return {};
      }
      @Upcast('odd', z.strictObject({})) static old(): never {
        return old() as never;
      }
      @EventHandler() odd() {}
    }
    const { also } = await withPast(['odd', {}]);
    const error: unknown = await also(Odd)
      .get('x')
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(HandlerError);
    expect(error).toMatchObject({ event: 'odd', version: 1, message: expect.stringMatching(message) });
    expect((error as HandlerError).cause).toMatchObject({ code: 'UPCAST_FAILED' });
    expect((error as HandlerError).cause).toBeInstanceOf(OmniscientError);
  });

  it('fail the loading when none of them accepts an event of a name that is not used any more', async () => {
    const { also } = await withPast(['set', { cents: '7' }]);
    await expect(also(DearPrice).get('x')).rejects.toThrow(/no @Upcast of 'set' accepts.*cents: /);
  });
});
