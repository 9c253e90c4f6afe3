import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, ListenTo, LiveActor, OneActor, type StandardSchema } from 'omniscient-nest';
import { eventually } from '../../support/eventually.js';
import { MemoryCluster } from '../../support/memory-cluster.js';

/** What database libraries and other realms answer with: no `Promise` of this realm. */
type Later<T> = PromiseLike<T> & { readonly begun: number };

/** A query that begins when somebody waits for it, and then does `work`. */
function query<T>(work: () => T): Later<T> {
  const builder = {
    begun: 0,
    // biome-ignore lint/suspicious/noThenProperty: that is what they have.
    then(resolve: (value: T) => void, reject: (error: unknown) => void) {
      builder.begun += 1;
      setTimeout(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      }, 2);
    },
  };
  return builder as unknown as Later<T>;
}

const refused = (): never => {
  throw new Error('unique constraint');
};

const foreignPromise = runInNewContext('(work) => Promise.resolve().then(work)') as <T>(work: () => T) => Promise<T>;

const KINDS = { query, foreignPromise };
let kind: keyof typeof KINDS = 'query';
const later = <T>(work: () => T): Promise<T> => KINDS[kind](work) as Promise<T>;

interface Events {
  placed: { n: number };
}

@Actor({ prefix: 'order-' })
class Order extends LiveActor<{ n: number }, Events> {
  initialState() {
    return { n: 0 };
  }

  @Command() place(ok: boolean) {
    this.fire('placed', { n: 1 });
    return later(ok ? () => this.state.n : refused);
  }

  /** What it waits for is a part of it. */
  @Command() placeLater(n: number) {
    return query(() => this.fire('placed', { n })) as unknown as Promise<void>;
  }

  @EventHandler() placed({ n }: Events['placed']) {
    this.state.n += n;
  }
}

@Actor({ prefix: 'led-' })
class LedOrder extends OneActor<{ n: number }, Events> {
  initialState() {
    return { n: 0 };
  }

  @Command() place(ok: boolean) {
    this.fire('placed', { n: 1 });
    return later(ok ? () => this.state.n : refused);
  }

  @EventHandler() placed({ n }: Events['placed']) {
    this.state.n += n;
  }
}

@Actor({ prefix: 'follower-' })
class Follower extends LiveActor<{ heard: number }, { noted: object }> {
  initialState() {
    return { heard: 0 };
  }

  override onActivate() {
    this.listenTo('order-code', () => this.hear(), { name: 'inCode' });
    return query(() => this.fire('noted')) as unknown as Promise<void>;
  }

  @ListenTo({ events: ['placed'], to: () => 'f' }) onPlaced() {
    return this.hear();
  }

  hear() {
    this.fire('noted');
    return later(refused);
  }

  @EventHandler() noted() {
    this.state.heard += 1;
  }
}

const begunByHandlers = query(() => 1);

@Actor({ prefix: 'careless-' })
class Careless extends LiveActor<{ n: number }, { asked: { how: string } }> {
  initialState() {
    return { n: 0 };
  }

  @Command() ask(how: string) {
    this.fire('asked', { how });
  }

  @EventHandler() asked({ how }: { how: string }): unknown {
    if (how === 'query') return begunByHandlers;
    return foreignPromise(refused);
  }
}

let cluster: MemoryCluster;
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => unhandled.push(reason);
beforeEach(() => {
  cluster = new MemoryCluster();
  unhandled.length = 0;
  process.on('unhandledRejection', onUnhandled);
});
afterEach(async () => {
  await cluster.stop();
  process.off('unhandledRejection', onUnhandled);
  expect(unhandled).toEqual([]);
});

describe.each(['query', 'foreignPromise'] as const)('what %s answers is waited for', (name) => {
  beforeEach(() => {
    kind = name;
  });

  it.each([Order, LedOrder])(
    'by a command of %p, and by one with a key: it fails or ends with it',
    async (actorClass) => {
      const { actors } = await cluster.start();
      const order = await actors(actorClass as typeof Order).get('1');
      await expect(order.place(false)).rejects.toThrow('unique constraint');
      await expect(order.once('key').place(false)).rejects.toThrow('unique constraint');
      expect(order.state.n).toBe(0);
      expect(await order.place(true)).toBe(1);
      expect(await order.once('key').place(true)).toBe(2);
      expect(await order.once('key').place(true)).toBe(2);
      expect(order.state.n).toBe(2);
    },
  );

  it('by listeners: what they fired is not stored, and the event is parked', async () => {
    const { node, actors } = await cluster.start({ reactionTriesMax: 1 });
    actors(Follower);
    await node.begin();
    const follower = await actors(Follower).get('f');
    await (await actors(Order).get('code')).place(true);
    await eventually(async () => (await node.parked.count()) === 2);
    expect(cluster.stored('follower-f', 'noted')).toHaveLength(1);
    expect(follower.state.heard).toBe(1);
  });
});

it('work that begins when it is waited for begins once, inside the turn', async () => {
  const { actors } = await cluster.start();
  const order = await actors(Order).get('1');
  await Promise.all([order.placeLater(1), order.placeLater(10)]);
  expect(order.state.n).toBe(11);
  // `onActivate` too.
  await actors(Follower).get('f');
  expect(cluster.stored('follower-f', 'noted')).toHaveLength(1);
});

it('an event handler that answers with one is refused, and begins nothing', async () => {
  const { actors } = await cluster.start();
  const careless = await actors(Careless).get('1');
  await expect(careless.ask('query')).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
  await expect(careless.ask('foreign')).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
  expect(begunByHandlers.begun).toBe(0);
  expect(careless.version).toBe(0);
});

it('a schema that answers with one is refused', async () => {
  const slow: StandardSchema = {
    '~standard': { version: 1, vendor: 'spec', validate: (value) => query(() => ({ value })) as never },
  };
  @Actor()
  class Checked extends LiveActor<object, object> {
    initialState() {
      return {};
    }
    @Command({ args: [slow] }) take(_value: unknown) {}
  }
  const { actors } = await cluster.start();
  await expect((await actors(Checked).get('1')).take(1)).rejects.toMatchObject({ code: 'ASYNC_SCHEMA' });
});
