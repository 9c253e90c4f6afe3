import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Actor,
  type ActorClass,
  Command,
  EventHandler,
  ListenTo,
  LiveActor,
  OneActor,
  withCorrelation,
} from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import { defineProjection, Projection } from '../../../lib/kernel/defining/projection.js';
import { Runtime, type RuntimeOptions } from '../../../lib/runtime/node/runtime.js';
import { NO_TEXTS, ODD_TEXTS, UNFIT_TEXTS } from '../../support/hostile-texts.js';

interface Events {
  noted: { text: string };
}

@Actor()
class Note extends LiveActor<{ texts: string[] }, Events> {
  initialState() {
    return { texts: [] as string[] };
  }

  @Command() note(text: string) {
    this.fire('noted', { text });
  }

  @Command() say(name: string) {
    this.fire(name as 'noted', { text: 'x' });
  }

  @Command() hear(source: unknown, name?: unknown) {
    this.listenTo(source as string, function heard() {}, name === undefined ? {} : { name: name as string });
  }

  @EventHandler() noted({ text }: Events['noted']) {
    this.state.texts.push(text);
  }
}

@Actor({ prefix: 'order/' })
class Order extends OneActor<object, object> {
  initialState() {
    return {};
  }

  @Command() place() {}
}

const running: Runtime[] = [];
async function node(options: Partial<RuntimeOptions> = {}): Promise<Runtime> {
  const runtime = new Runtime({ engine: new MemoryEngine(), log: { warn() {}, error() {} }, ...options });
  running.push(runtime);
  await runtime.start();
  return runtime;
}
const repository = <A extends ActorClass>(runtime: Runtime, actorClass: A) =>
  runtime.register<InstanceType<A>>(defineActor(actorClass), () => new (actorClass as never as new () => never)());
const note = async () => repository(await node(), Note).get('n');
/** A class whose decorator is given this. */
const named = (options: object) => {
  class Named extends LiveActor<object, object> {
    initialState() {
      return {};
    }
  }
  Actor(options)(Named);
  return Named;
};

afterEach(async () => {
  await Promise.all(running.splice(0).map((runtime) => runtime.stop()));
});

/** Wherever a text from outside is kept: what it is, how it gets there, and the code of the refusal. */
const PLACES: readonly (readonly [place: string, code: string, keep: (text: never) => Promise<unknown>])[] = [
  ['an id', 'INVALID_ID', async (id) => repository(await node(), Note).get(id)],
  ['an id that is only looked for', 'INVALID_ID', async (id) => repository(await node(), Note).exists(id)],
  ['the id of a stream', 'INVALID_ID', async (id) => first((await node()).subscriptions.stream$(id))],
  ['the name of an event', 'INVALID_EVENT_NAME', async (name) => (await note()).say(name)],
  [
    'the name of an event fired from outside',
    'INVALID_EVENT_NAME',
    async (name) => (await note()).fire(name, {} as never),
  ],
  ['a name that is subscribed to', 'INVALID_EVENT_NAME', async (name) => (await node()).subscriptions.named$([name])],
  ['a source', 'INVALID_ID', async (source) => (await note()).hear(source)],
  ['a name that is listened to', 'INVALID_LISTENER', async (event) => (await note()).hear({ event })],
  ['an idempotency key', 'INVALID_KEY', async (key) => (await note()).once(key).note('x')],
  ['a correlation id', 'INVALID_CORRELATION', async (id) => withCorrelation(id, () => 1)],
  ['a causation id', 'INVALID_CORRELATION', async (id) => withCorrelation('c', () => 1, id)],
  ['the id of a node', 'INVALID_OPTION', async (nodeId) => node({ nodeId })],
  ['an election', 'INVALID_ID', async (name) => (await node()).election.whenLeader(name, () => {})],
  ['an election that is watched', 'INVALID_ID', async (name) => (await node()).election.leader$(name)],
  ['the name of an actor class', 'INVALID_OPTION', async (name) => defineActor(named({ name }))],
  ['a prefix', 'INVALID_OPTION', async (prefix) => defineActor(named({ prefix }))],
  ['the name of a projection', 'INVALID_OPTION', async (name) => projection(name)],
];

describe.each(PLACES)('%s that cannot be stored is refused', (place, code, keep) => {
  it.each(UNFIT_TEXTS.map(([text, what]) => [what, text] as const))('one that %s', async (what, text) => {
    // A class without a prefix shares its streams.
    if (text === '' && place === 'a prefix') return;
    await expect(keep(text as never)).rejects.toMatchObject({ code, message: expect.stringContaining(what) });
  });

  it('what is no text at all', async () => {
    for (const value of NO_TEXTS) {
      await expect(keep(value as never)).rejects.toMatchObject({ code: expect.stringMatching(/^INVALID_/) });
    }
  });
});

describe('names that begin with $ are the library’s own', () => {
  const own = PLACES.filter(([place]) => !/correlation|causation|key|subscribed|watched/.test(place));
  it.each(own)('%s', async (_place, code, keep) => {
    await expect(keep('$election-nightly' as never)).rejects.toMatchObject({ code });
  });

  it('an id with a prefix before it', async () => {
    await expect(repository(await node(), Order).get('$x')).rejects.toMatchObject({ code: 'INVALID_ID' });
  });

  it('an event of a handler, a listener and an upcast', () => {
    class Handles extends LiveActor<object, object> {
      initialState() {
        return {};
      }
      happened() {}
    }
    Actor()(Handles);
    EventHandler('$leader')(Handles.prototype as never, 'happened', {});
    expect(() => defineActor(Handles)).toThrow(expect.objectContaining({ code: 'INVALID_EVENT_NAME' }));
    class Listens extends LiveActor<object, object> {
      initialState() {
        return {};
      }
      hear() {}
    }
    Actor()(Listens);
    ListenTo({ events: ['\ud800'] })(Listens.prototype, 'hear', {});
    expect(() => defineActor(Listens)).toThrow(expect.objectContaining({ code: 'INVALID_LISTENER' }));
  });
});

describe('an id stays in its class', () => {
  it('one that begins with the prefix of another class is refused, whichever was registered first', async () => {
    for (const order of [
      [Note, Order],
      [Order, Note],
    ]) {
      const runtime = await node();
      for (const each of order) repository(runtime, each as never);
      const notes = repository(runtime, Note);
      await expect(notes.get('order/7')).rejects.toMatchObject({ code: 'INVALID_ID' });
      await expect(notes.exists('order/7')).rejects.toMatchObject({ code: 'INVALID_ID' });
      await expect(notes.replay('order/7').next()).rejects.toMatchObject({ code: 'INVALID_ID' });
      expect((await notes.get('order')).id).toBe('order');
      expect((await repository(runtime, Order).get('order/7')).id).toBe('order/7');
    }
  });

  it('prefixes that begin with one another are refused at the start', async () => {
    for (const prefix of ['order/line/', 'ord']) {
      const runtime = await node();
      repository(runtime, Order);
      const other = named({ name: 'Other', prefix });
      expect(() => repository(runtime, other as never)).toThrow(
        expect.objectContaining({ code: 'PREFIX_OVERLAP', message: expect.stringMatching(/Order.*Other/) }),
      );
    }
  });

  it('classes that share a prefix share their streams', async () => {
    const runtime = await node();
    repository(runtime, Order);
    expect(() => repository(runtime, named({ name: 'Other', prefix: 'order/' }) as never)).not.toThrow();
  });
});

describe('a stranger’s ids', () => {
  it('take no election away', async () => {
    const store = new MemoryStore();
    const worker = await node({ engine: new MemoryEngine({ store }), nodeId: 'worker' });
    const web = await node({ engine: new MemoryEngine({ store }), nodeId: 'web' });
    let signal: AbortSignal | undefined;
    const leads = new Promise<void>((resolve) => {
      worker.election.whenLeader('nightly', (given) => {
        signal = given;
        resolve();
        return new Promise(() => {});
      });
    });
    await leads;
    await expect(repository(web, Order).get('$election-nightly')).rejects.toMatchObject({ code: 'INVALID_ID' });
    expect(store.streams.get('$election-nightly')?.map(({ name }) => name)).toEqual(['$leader']);
    expect(signal?.aborted).toBe(false);
    // The task heeds no signal, and shutdown would wait for it.
    running.splice(running.indexOf(worker), 1);
  });

  it('and texts that are only odd are kept as they are', async () => {
    const store = new MemoryStore();
    const notes = repository(await node({ engine: new MemoryEngine({ store }) }), Note);
    for (const text of ODD_TEXTS) {
      const ref = await notes.get(text);
      await ref.once(text).note(text);
      await withCorrelation(text, () => ref.note(text));
    }
    const again = repository(await node({ engine: new MemoryEngine({ store }) }), Note);
    for (const text of ODD_TEXTS) {
      expect((await again.get(text)).state.texts).toEqual([text, text]);
      await (await again.get(text)).once(text).note(text);
      expect((await again.get(text)).state.texts).toEqual([text, text]);
    }
  });
});

function projection(name: string) {
  class Sums {
    noted() {}
  }
  Projection({ name })(Sums);
  EventHandler('noted')(Sums.prototype, 'noted', {});
  return defineProjection(Sums);
}

function first(events: { subscribe(observer: object): { unsubscribe(): void } }): Promise<unknown> {
  return new Promise((resolve, reject) => {
    events.subscribe({ next: resolve, error: reject, complete: resolve });
  });
}
