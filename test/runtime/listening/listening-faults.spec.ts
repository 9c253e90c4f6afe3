import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Actor,
  Command,
  EngineError,
  EventHandler,
  type Heard,
  ListenTo,
  LiveActor,
  OneActor,
  ShuttingDownError,
} from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { AppendRequest } from '../../../lib/engine/duties/append.js';
import type { ActorBase, ActorClass } from '../../../lib/kernel/declaring/actor.js';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import { LISTENING_EVENT, type ListeningData } from '../../../lib/kernel/framework/listening-state.js';
import { Runtime, type RuntimeOptions } from '../../../lib/runtime/node/runtime.js';
import { eventually } from '../../support/eventually.js';
import {
  Account,
  Follower,
  failing,
  type OrderEvents,
  Shop,
  Speaker,
  type SpeakerEvents,
} from '../../support/listeners.js';
import { silent } from '../../support/runtime.js';

/** A memory engine that notes its commits, and fails where a spec wants it to. */
class FailingEngine extends MemoryEngine {
  readonly commits: AppendRequest[] = [];
  refuses: (request: AppendRequest) => boolean = () => false;
  unreadable: { readonly streamId: string; readonly error: EngineError; times: number } | undefined;

  override async append(request: AppendRequest) {
    if (this.refuses(request)) throw new Error('refused');
    this.commits.push(request);
    return super.append(request);
  }

  override async readStream(streamId: string, after: number, limit: number) {
    const unreadable = this.unreadable;
    if (unreadable?.streamId === streamId && unreadable.times > 0) {
      unreadable.times -= 1;
      throw unreadable.error;
    }
    return super.readStream(streamId, after, limit);
  }

  /** Names of the events of the commit that has this one. */
  commitWith(name: string, text = ''): string[] {
    const found = this.commits.filter(({ events }) =>
      events.some((each) => each.name === name && each.data.includes(text)),
    );
    return found.at(-1)?.events.map((each) => each.name) ?? [];
  }
}

let store: MemoryStore;
let engine: FailingEngine;
let running: Runtime[] = [];

beforeEach(() => {
  store = new MemoryStore();
  engine = new FailingEngine({ store });
});
afterEach(async () => {
  failing.clear();
  await Promise.all(running.map((node) => node.stop()));
  running = [];
});

async function startNode(options: Partial<RuntimeOptions> = {}) {
  const node = new Runtime({ engine, log: silent, heartbeatTimeoutMs: 300, nodeId: 'node', ...options });
  running.push(node);
  await node.start();
  const actors = <A extends ActorBase<object, object>>(actorClass: new () => A) =>
    node.register<A>(defineActor(actorClass as ActorClass), () => new actorClass());
  return { node, actors };
}

function stored<Data>(streamId: string, name: string): Data[] {
  const events = (store.streams.get(streamId) ?? []).filter((event) => event.name === name);
  return events.map(({ data }) => JSON.parse(data) as Data);
}

const words = (streamId: string, name = 'noted') => stored<{ word: string }>(streamId, name).map(({ word }) => word);

/** A follower that has heard one thing of Ann. */
async function followingAnn() {
  const { actors } = await startNode();
  const ann = await actors(Speaker).get('ann');
  const follower = await actors(Follower).get('f');
  await follower.follow('ann');
  await ann.say('one');
  await eventually(() => words('f').length === 1);
  return { ann, follower };
}

/** Something to wait for until it is let go. */
function hold() {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { held, release: () => release() };
}

describe('an actor that listens', () => {
  it('is woken again when it could not be loaded', async () => {
    const { actors, node } = await startNode({ passivateAfterMs: 20 });
    const ann = await actors(Speaker).get('ann');
    await (await actors(Follower).get('f')).follow('ann');
    await eventually(() => node.residents === 0);
    const error = new EngineError('ENGINE_FAILED', 'not now');
    engine.unreadable = { streamId: 'f', error, times: 3 };
    await ann.say('one');
    await eventually(() => words('f').length === 1);
    expect(engine.unreadable.times).toBe(0);
  });

  it('reads on after an error that trying again at once does not mend', async () => {
    const { actors } = await startNode();
    const ann = await actors(Speaker).get('ann');
    await (await actors(Follower).get('f')).follow('ann');
    await ann.say('one');
    await eventually(() => words('f').length === 1);
    engine.unreadable = { streamId: 'ann', error: new EngineError('CORRUPT', 'not now'), times: 1 };
    // Says nothing of what there is, so it has to be read.
    store.wakes.nudge('ann');
    await engine.append({
      streamId: 'ann',
      expectedVersion: 'any',
      events: [{ id: 'two', name: 'said', data: '{"word":"two"}', metadata: '{"correlationId":"c"}' }],
    });
    await eventually(() => words('f').length === 2);
    expect(engine.unreadable.times).toBe(0);
  });

  it('is loaded again to hear when its state broke', async () => {
    let isBroken = true;

    @Actor()
    class Fragile extends Follower {
      @EventHandler() override unfollowed() {
        if (isBroken) throw new Error('broken');
      }
    }
    const { actors } = await startNode();
    const ann = await actors(Speaker).get('ann');
    await (await actors(Fragile).get('f')).follow('ann');
    const broken = { id: 'broken', name: 'unfollowed', data: '{}', metadata: '{}' };
    await engine.append({ streamId: 'f', expectedVersion: 'any', events: [broken] });
    await ann.say('one');
    await sleep(50);
    expect(words('f')).toEqual([]);
    isBroken = false;
    await eventually(() => words('f').length === 1);
  });

  it('is not woken time and again by what it reacted to with nothing', async () => {
    const { actors, node } = await startNode({ passivateAfterMs: 20 });
    const ann = await actors(Speaker).get('ann');
    await (await actors(Follower).get('f')).follow('ann');
    let heard = 0;
    failing.set('nothing', () => (heard += 1));
    await ann.say('nothing');
    await eventually(() => heard === 1);
    await eventually(() => node.residents === 0);
    await sleep(200);
    expect(heard).toBe(1);
    expect(node.residents).toBe(0);
    await ann.say('something');
    await eventually(() => words('f').length === 1);
  });

  it('begins in the commit that makes the state name the source, also where an earlier one could not be stored', async () => {
    const { actors } = await startNode();
    const follower = await actors(Follower).get('f');
    let refusals = 1;
    engine.refuses = ({ events }) => events.some(({ name }) => name === 'followed') && refusals-- > 0;
    await expect(follower.follow('ann')).rejects.toThrow('refused');
    await follower.follow('ann');
    expect(engine.commitWith('followed')).toEqual(['followed', LISTENING_EVENT]);
  });

  it('stores no reaction to a source that it left meanwhile, by another node', async () => {
    const { actors } = await startNode();
    const ann = await actors(Speaker).get('ann');
    const follower = await actors(Follower).get('f');
    await follower.follow('ann');
    const append = engine.append.bind(engine);
    engine.append = async (request) => {
      // The other node is first.
      if (request.events.some(({ name }) => name === 'noted') && follower.state.follows.length > 0) await leave();
      return append(request);
    };
    const end: ListeningData = { actor: 'Follower', listener: 'onSaid', begin: [], end: ['ann'] };
    const leave = async () => {
      const metadata = JSON.stringify({ at: new Date().toISOString() });
      const events = [
        { id: 'left', name: 'unfollowed', data: JSON.stringify({ speaker: 'ann' }), metadata },
        { id: 'ended', name: LISTENING_EVENT, data: JSON.stringify(end), metadata },
      ];
      await append({ streamId: 'f', expectedVersion: 'any', events });
    };
    await ann.say('one');
    await eventually(() => follower.state.follows.length === 0 && follower.pending === 0);
    await sleep(50);
    expect(words('f')).toEqual([]);
  });

  it('hears nothing of the time when it did not listen, where it left a source and came back before that was stored', async () => {
    const { ann, follower } = await followingAnn();
    const { held, release } = hold();
    const { held: hidden, release: show } = hold();
    const [append, readStream] = [engine.append.bind(engine), engine.readStream.bind(engine)];
    engine.append = async (request) => {
      if (request.streamId === 'f') await held;
      return append(request);
    };
    engine.readStream = async (streamId, after, limit) => {
      if (streamId === 'ann') await hidden;
      return readStream(streamId, after, limit);
    };
    const left = follower.unfollow('ann');
    await ann.say('unheard');
    const back = follower.follow('ann');
    await sleep(20);
    show();
    await sleep(20);
    release();
    await Promise.all([left, back]);
    await ann.say('two');
    await eventually(() => words('f').includes('two'));
    expect(words('f')).toEqual(['one', 'two']);
  });

  it('passes nothing over because of a change that could not be stored', async () => {
    const { ann, follower } = await followingAnn();
    const { held, release } = hold();
    const append = engine.append.bind(engine);
    engine.append = async (request) => {
      if (!request.events.some(({ name }) => name === 'unfollowed')) return append(request);
      await held;
      throw new Error('refused');
    };
    const unfollowed = follower.unfollow('ann').catch((error: Error) => error.message);
    await ann.say('two');
    await sleep(50);
    release();
    expect(await unfollowed).toBe('refused');
    await ann.say('three');
    await eventually(() => words('f').length === 3);
    expect(words('f')).toEqual(['one', 'two', 'three']);
  });
});

describe('listening in code', () => {
  interface Events {
    heard: { word: string; by: string };
    begun: object;
  }
  type Said = Heard<SpeakerEvents, 'said'>;

  @Actor({ prefix: 'ears-' })
  class Ears extends LiveActor<object, Events> {
    initialState() {
      return {};
    }

    override onActivate() {
      const ann = this.listenTo('ann', ({ data }: Said) => {
        this.fire('heard', { word: data.word, by: 'ann' });
        if (data.word === 'stop') ann.stop();
      });
      this.listenTo('bob', ({ data }: Said) => this.fire('heard', { word: data.word, by: 'bob' }));
    }
  }

  @Actor({ prefix: 'led-ears-' })
  class LedEars extends OneActor<object, Events> {
    initialState() {
      return {};
    }

    override onActivate() {
      this.listenTo('ann', ({ data }: Said) => this.fire('heard', { word: data.word, by: 'ann' }));
    }

    @Command() nothing() {}
  }

  it('gives each source its own handler, and stops in the commit of the reaction that stops it', async () => {
    // Two commits never go in one write.
    const { actors } = await startNode({ appendEventsMax: 1 });
    const [ann, bob] = [await actors(Speaker).get('ann'), await actors(Speaker).get('bob')];
    await (await actors(Ears).get('e')).fire('begun', {});
    for (const word of ['one', 'stop', 'unheard']) await ann.say(word);
    await bob.say('two');
    await eventually(() => stored('ears-e', 'heard').length === 3);
    await sleep(30);
    const heard = stored<Events['heard']>('ears-e', 'heard').map(({ word, by }) => `${by}: ${word}`);
    expect(heard.sort()).toEqual(['ann: one', 'ann: stop', 'bob: two']);
    expect(engine.commitWith('heard', '"stop"')).toContain(LISTENING_EVENT);
    expect(stored<ListeningData>('ears-e', LISTENING_EVENT).filter(({ over }) => over)).toHaveLength(1);
  });

  it('begins in a command, of a class that listens nowhere else', async () => {
    @Actor({ prefix: 'late-' })
    class Late extends LiveActor<object, Events> {
      initialState() {
        return {};
      }

      @Command() listen() {
        this.listenTo('ann', ({ data }: Said) => this.fire('heard', { word: data.word, by: 'ann' }));
      }
    }
    const { actors } = await startNode();
    const ann = await actors(Speaker).get('ann');
    await (await actors(Late).get('l')).listen();
    await ann.say('one');
    await eventually(() => words('late-l', 'heard').length === 1);
  });

  it('goes on where a leader was let go and is woken', async () => {
    const { actors, node } = await startNode({ passivateAfterMs: 20 });
    const ann = await actors(Speaker).get('ann');
    await (await actors(LedEars).get('e')).nothing();
    for (const word of ['one', 'two', 'three']) {
      await ann.say(word);
      await eventually(() => words('led-ears-e', 'heard').at(-1) === word);
      await eventually(() => node.residents === 0);
    }
  });

  it('goes on elsewhere when who leads leaves or dies, and after all were away, though nobody asks', async () => {
    const engines = Array.from({ length: 4 }, () => new MemoryEngine({ store }));
    const nodes: Awaited<ReturnType<typeof startNode>>[] = [];
    const join = async () => {
      const at = nodes.length;
      const joined = await startNode({ engine: engines[at] as MemoryEngine, nodeId: `node-${at}` });
      nodes.push(joined);
      return joined.actors(LedEars).get('e');
    };
    await (await join()).nothing();
    await join();
    await join();
    const { actors } = await startNode({ nodeId: 'speaker' });
    const ann = await actors(Speaker).get('ann');
    const saysAndIsHeard = async (word: string) => {
      await ann.say(word);
      await eventually(() => words('led-ears-e', 'heard').at(-1) === word);
    };
    await saysAndIsHeard('one');
    await nodes[0]?.node.stop();
    await saysAndIsHeard('two');
    const leader = stored<{ nodeId: string }>('led-ears-e', '$leader').at(-1)?.nodeId;
    await engines[leader === 'node-1' ? 1 : 2]?.close();
    await saysAndIsHeard('three');
    await Promise.all(nodes.map(({ node }) => node.stop()));
    await join();
    await saysAndIsHeard('four');
    expect(words('led-ears-e', 'heard')).toEqual(['one', 'two', 'three', 'four']);
  });

  it('goes on where a node leads that led before', async () => {
    const { actors } = await startNode({ leaderTimeoutMs: 300 });
    const ann = await actors(Speaker).get('ann');
    const ears = await actors(LedEars).get('e');
    await ears.nothing();
    await ann.say('one');
    await eventually(() => words('led-ears-e', 'heard').length === 1);
    const stream = 'led-ears-e';
    const leader = { id: 'other', name: '$leader', data: '{"nodeId":"other","term":2}', metadata: '{}' };
    await engine.append({ streamId: stream, expectedVersion: 'any', events: [leader] });
    await eventually(() => !ears.isLeader);
    await ears.nothing();
    expect(ears.isLeader).toBe(true);
    await ann.say('two');
    await eventually(() => words('led-ears-e', 'heard').length === 2);
  });
});

describe('what calls actors into life', () => {
  const orderOf = async (actors: Awaited<ReturnType<typeof startNode>>['actors']) => {
    const shop = await actors(Shop).get('shop');
    return (account: string, amount = 1) => shop.order(account, amount);
  };

  it('goes on when somebody else saved its checkpoint', async () => {
    const { actors, node } = await startNode();
    const order = await orderOf(actors);
    actors(Account);
    await node.begin();
    await order('a');
    await eventually(() => stored('a', 'charged').length === 1);
    const kept = store.checkpoints.get('$listen-Account');
    await engine.saveCheckpoint('$listen-Account', kept?.revision ?? 0, kept?.value ?? '');
    await order('a');
    await eventually(() => (store.checkpoints.get('$listen-Account')?.revision ?? 0) > (kept?.revision ?? 0) + 1);
    await order('a');
    await eventually(() => stored('a', 'charged').length === 3);
  });

  it('goes on when a reaction says that another node shuts down', async () => {
    const { actors, node } = await startNode();
    const order = await orderOf(actors);
    actors(Account);
    await node.begin();
    let failures = 1;
    failing.set('a', () => {
      if (failures-- > 0) throw new ShuttingDownError();
    });
    await order('a');
    await order('a');
    await eventually(() => stored('a', 'charged').length === 2);
  });

  it('is not held up by one actor that is stuck, however much comes for the others', async () => {
    @Actor({ prefix: 'strict-' })
    class Strict extends LiveActor<object, { done: { order: string } }> {
      initialState() {
        return {};
      }

      @ListenTo<OrderEvents, 'ordered'>({ events: ['ordered'], to: ({ data }) => data.account, onFailure: 'stop' })
      onOrdered({ id, data }: Heard<OrderEvents, 'ordered'>) {
        failing.get(data.account)?.();
        this.fire('done', { order: id });
      }
    }
    const { actors, node } = await startNode();
    const order = await orderOf(actors);
    actors(Strict);
    await node.begin();
    failing.set('stuck', () => {
      throw new Error('stuck');
    });
    await order('stuck');
    await Promise.all(Array.from({ length: 1_500 }, () => order('free')));
    await eventually(() => stored('strict-free', 'done').length === 1_500);
    failing.clear();
    await eventually(() => stored('strict-stuck', 'done').length === 1, 15_000);
  });

  it('begins for each listener where that says, also for one that the class got later', async () => {
    interface Events {
      noted: { by: string; order: string };
    }
    type Ordered = Heard<OrderEvents, 'ordered'>;
    abstract class Notes extends LiveActor<object, Events> {
      initialState() {
        return {};
      }

      protected note(by: string, { id }: Ordered) {
        this.fire('noted', { by, order: id });
      }
    }

    @Actor({ name: 'Notes', prefix: 'notes-' })
    class Before extends Notes {
      @ListenTo<OrderEvents, 'ordered'>({ events: ['ordered'], to: () => 'n' }) onNow(event: Ordered) {
        this.note('now', event);
      }
    }

    @Actor({ name: 'Notes', prefix: 'notes-' })
    class After extends Before {
      @ListenTo<OrderEvents, 'ordered'>({ events: ['ordered'], to: () => 'n', from: 0 }) onAll(event: Ordered) {
        this.note('all', event);
      }

      @ListenTo<OrderEvents, 'ordered'>({ events: ['ordered'], to: () => 'n' }) onLater(event: Ordered) {
        this.note('later', event);
      }
    }
    const first = await startNode();
    const order = await orderOf(first.actors);
    await order('x');
    first.actors(Before);
    await first.node.begin();
    await order('x');
    await eventually(() => stored('notes-n', 'noted').length === 1);
    const second = await startNode({ engine: new MemoryEngine({ store }), nodeId: 'second' });
    await first.node.stop();
    second.actors(After);
    await second.node.begin();
    await (await orderOf(second.actors))('x');
    await eventually(() => stored('notes-n', 'noted').length === 6);
    await sleep(50);
    const ids = store.all.filter(({ name }) => name === 'ordered').map(({ id }) => id);
    const noted = stored<Events['noted']>('notes-n', 'noted');
    const by = (name: string) => noted.filter((each) => each.by === name).map(({ order }) => order);
    expect([by('now'), by('all'), by('later')]).toEqual([ids.slice(1), ids, ids.slice(2)]);
  });
});
