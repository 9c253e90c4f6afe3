import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, LiveActor } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { ActorBase, ActorClass } from '../../../lib/kernel/declaring/actor.js';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import { Runtime, type RuntimeOptions } from '../../../lib/runtime/node/runtime.js';
import type { ActorRepository } from '../../../lib/runtime/refs/actor-repository.js';
import { eventually } from '../../support/eventually.js';
import {
  Account,
  Follower,
  failing,
  Gossip,
  LedAccount,
  LedFollower,
  LocalFollower,
  Shop,
  Speaker,
} from '../../support/listeners.js';
import { silent } from '../../support/runtime.js';

let store: MemoryStore;
let running: Runtime[] = [];

beforeEach(() => {
  store = new MemoryStore();
});
afterEach(async () => {
  failing.clear();
  await Promise.all(running.map((node) => node.stop()));
  running = [];
});

type AnyClass<A> = new () => A;

interface Node {
  node: Runtime;
  actors<A extends ActorBase<object, object>>(actorClass: AnyClass<A>): ActorRepository<A>;
}

async function startNode(options: Partial<RuntimeOptions> = {}): Promise<Node> {
  const node = new Runtime({ engine: new MemoryEngine({ store }), log: silent, heartbeatTimeoutMs: 300, ...options });
  running.push(node);
  await node.start();
  return {
    node,
    actors: <A extends ActorBase<object, object>>(actorClass: AnyClass<A>) =>
      node.register<A>(defineActor(actorClass as ActorClass), () => new actorClass()),
  };
}

function stored(streamId: string, name: string): EventRecord[] {
  return (store.streams.get(streamId) ?? []).filter((event) => event.name === name);
}

const wordsOf = (streamId: string) => stored(streamId, 'noted').map(({ data }) => JSON.parse(data).word as string);

describe('listening to streams that the state names', () => {
  it('hears what is said from the moment the state names the stream, and no more when it does not', async () => {
    const { actors } = await startNode();
    const speaker = await actors(Speaker).get('ann');
    await speaker.say('before');
    const follower = await actors(Follower).get('f');
    await follower.follow('ann');
    await speaker.say('one');
    await speaker.whisper('not this');
    await speaker.say('two');
    await eventually(() => wordsOf('f').length === 2);
    await follower.unfollow('ann');
    await speaker.say('after');
    await follower.follow('ann');
    await speaker.say('three');
    await eventually(() => wordsOf('f').length === 3);
    await sleep(50);
    expect(wordsOf('f')).toEqual(['one', 'two', 'three']);
    expect(follower.state.heard).toEqual(['ann: one', 'ann: two', 'ann: three']);
  });

  it.each([Follower, LocalFollower, LedFollower])(
    'misses nothing that is said while it is not there: %p',
    async (kind) => {
      const first = await startNode();
      const speakers = await startNode();
      const speaker = await speakers.actors(Speaker).get('ann');
      await (await first.actors(kind as typeof Follower).get('f')).follow('ann');
      await speaker.say('one');
      await eventually(() => wordsOf('f').length === 1);
      await first.node.stop();
      for (let i = 0; i < 50; i += 1) await speaker.say(`while away ${i}`);
      const second = await startNode();
      await second.actors(kind as typeof Follower).get('f');
      await eventually(() => wordsOf('f').length === 51);
      await speaker.say('last');
      await eventually(() => wordsOf('f').length === 52);
      expect(wordsOf('f')).toEqual(['one', ...Array.from({ length: 50 }, (_, i) => `while away ${i}`), 'last']);
    },
  );

  it('is let go when idle, and hears on when it comes back', async () => {
    const { actors, node } = await startNode({ passivateAfterMs: 20 });
    const speaker = await actors(Speaker).get('ann');
    const follower = await actors(Follower).get('f');
    await follower.follow('ann');
    await speaker.say('one');
    await eventually(() => wordsOf('f').length === 1);
    await eventually(() => node.residents === 0);
    await speaker.say('two');
    await eventually(() => wordsOf('f').length === 2);
  });

  it.each([Follower, LocalFollower, LedFollower])('reacts once on three nodes: %p', async (kind) => {
    const nodes = [await startNode(), await startNode(), await startNode()];
    const followers = await Promise.all(nodes.map((each) => each.actors(kind as typeof Follower).get('f')));
    await followers[0]?.follow('ann');
    await followers[0]?.follow('bob');
    const refs = await Promise.all(nodes.map((each) => each.actors(kind as typeof Follower).get('f')));
    const speakers = await startNode();
    const [ann, bob] = [await speakers.actors(Speaker).get('ann'), await speakers.actors(Speaker).get('bob')];
    for (let i = 0; i < 200; i += 1) {
      await Promise.all([ann.say(`a${i}`), bob.say(`b${i}`)]);
      if (i % 20 === 0) await sleep(5);
    }
    await eventually(() => wordsOf('f').length >= 400, 15_000);
    await sleep(400);
    const words = wordsOf('f');
    expect(words.filter((word) => word.startsWith('a'))).toEqual(Array.from({ length: 200 }, (_, i) => `a${i}`));
    expect(words.filter((word) => word.startsWith('b'))).toEqual(Array.from({ length: 200 }, (_, i) => `b${i}`));
    expect(refs).toHaveLength(3);
  });

  it('keeps cause and correlation', async () => {
    const { actors } = await startNode();
    const speaker = await actors(Speaker).get('ann');
    await (await actors(Follower).get('f')).follow('ann');
    await speaker.say('one');
    await eventually(() => wordsOf('f').length === 1);
    const said = JSON.parse((stored('ann', 'said')[0] as EventRecord).metadata);
    const noted = JSON.parse((stored('f', 'noted')[0] as EventRecord).metadata);
    expect(noted).toMatchObject({
      correlationId: said.correlationId,
      causationId: stored('ann', 'said')[0]?.id,
      actor: 'Follower',
    });
  });

  it('tries a failing reaction again, holds back what comes after it, and lets commands through', async () => {
    const { actors } = await startNode({ reactionTriesMax: 1_000 });
    const speaker = await actors(Speaker).get('ann');
    const follower = await actors(Follower).get('f');
    await follower.follow('ann');
    let failures = 0;
    let fails = true;
    failing.set('bad', () => {
      if (!fails) return;
      failures += 1;
      throw new Error('not yet');
    });
    for (const word of ['good', 'bad', 'later']) await speaker.say(word);
    await eventually(() => failures >= 2);
    await follower.follow('bob');
    expect(wordsOf('f')).toEqual(['good']);
    fails = false;
    await eventually(() => wordsOf('f').length === 3);
    expect(wordsOf('f')).toEqual(['good', 'bad', 'later']);
  });

  it('parks what fails too often, and goes on', async () => {
    const { actors } = await startNode({ reactionTriesMax: 2 });
    const speaker = await actors(Speaker).get('ann');
    await (await actors(Follower).get('f')).follow('ann');
    failing.set('bad', () => {
      throw new TypeError('never');
    });
    for (const word of ['good', 'bad', 'later']) await speaker.say(word);
    await eventually(() => wordsOf('f').length === 2);
    expect(wordsOf('f')).toEqual(['good', 'later']);
    const parked = stored('f', '$parked').map(({ data }) => JSON.parse(data));
    expect(parked).toMatchObject([
      { listener: 'onSaid', source: 'ann', attempts: 2, error: { name: 'TypeError', message: 'never' } },
    ]);
    expect(parked[0].event).toMatchObject({ name: 'said', data: { word: 'bad' }, streamId: 'ann' });
  });

  it('runs reactions ahead of storing them, and hears again from the first that could not be stored', async () => {
    let refused = 0;
    class Refusing extends MemoryEngine {
      override async append(request: Parameters<MemoryEngine['append']>[0]) {
        const bad = request.events.some(({ data }) => data.includes('"w7"'));
        if (bad && request.streamId === 'f' && refused < 3) {
          refused += 1;
          throw new Error('refused');
        }
        return super.append(request);
      }
    }
    const { actors } = await startNode({ engine: new Refusing({ store }) });
    const speaker = await actors(Speaker).get('ann');
    await (await actors(Follower).get('f')).follow('ann');
    await Promise.all(Array.from({ length: 20 }, (_, i) => speaker.say(`w${i}`)));
    await eventually(() => wordsOf('f').length >= 20);
    await sleep(50);
    expect(wordsOf('f')).toEqual(Array.from({ length: 20 }, (_, i) => `w${i}`));
    expect(refused).toBe(3);
  });
});

describe('listening to names', () => {
  it('hears them across all streams, also those of the time when nobody was there', async () => {
    const first = await startNode();
    const gossip = await first.actors(Gossip).get('g');
    // It begins to listen with its first event.
    await gossip.fire('followed', { speaker: 'nobody' });
    const speakers = await startNode();
    const ann = await speakers.actors(Speaker).get('ann');
    const bob = await speakers.actors(Speaker).get('bob');
    await eventually(() => stored('g', '$listening').length === 1);
    await ann.whisper('one');
    await bob.say('not this');
    await bob.whisper('two');
    await eventually(() => gossip.state.heard.length === 2);
    await first.node.stop();
    await ann.whisper('three');
    const second = await startNode();
    await second.actors(Gossip).get('g');
    await eventually(() => wordsOf('g').length === 3);
    expect(wordsOf('g')).toEqual(['one', 'two', 'three']);
  });
});

describe('an event that concerns an actor', () => {
  const charges = (account: string) => stored(account, 'charged').map(({ data }) => JSON.parse(data));

  it.each([Account, LedAccount])(
    'calls it into life, once on three nodes, also after all were gone: %p',
    async (kind) => {
      const start = async () => {
        const each = await startNode();
        each.actors(kind as typeof Account);
        await each.node.begin();
        return each;
      };
      const nodes = [await start(), await start(), await start()];
      const shopping = await startNode();
      const shop = await shopping.actors(Shop).get('shop');
      const accounts = Array.from({ length: 10 }, (_, i) => `account-${i}`);
      for (let i = 0; i < 100; i += 1) await shop.order(accounts[i % 10] as string, i);
      const all = () => accounts.flatMap(charges);
      await eventually(() => all().length >= 100);
      await Promise.all(nodes.map(({ node }) => node.stop()));
      for (let i = 100; i < 200; i += 1) await shop.order(accounts[i % 10] as string, i);
      await start();
      await eventually(() => all().length >= 200);
      await sleep(50);
      for (const [a, account] of accounts.entries()) {
        expect(charges(account).map(({ amount }) => amount)).toEqual(Array.from({ length: 20 }, (_, i) => i * 10 + a));
      }
      expect(new Set(all().map(({ order }) => order)).size).toBe(200);
    },
  );

  it('goes on with others when one of them fails, and parks what fails too often', async () => {
    const { actors, node } = await startNode({ reactionTriesMax: 2 });
    const shop = await actors(Shop).get('shop');
    actors(Account);
    await node.begin();
    failing.set('bad', () => {
      throw new Error('closed account');
    });
    for (const account of ['bad', 'good', 'bad', 'good']) await shop.order(account, 1);
    await eventually(() => charges('good').length === 2 && stored('bad', '$parked').length === 2);
    failing.clear();
    await shop.order('bad', 7);
    await eventually(() => charges('bad').length === 1);
  });

  it('is brought by another node when the one that did it is gone', async () => {
    const first = await startNode({ nodeId: 'first' });
    first.actors(Account);
    await first.node.begin();
    const shop = await (await startNode()).actors(Shop).get('shop');
    await shop.order('a', 1);
    await eventually(() => charges('a').length === 1);
    const second = await startNode({ nodeId: 'second' });
    second.actors(Account);
    await second.node.begin();
    await first.node.stop();
    await shop.order('a', 2);
    await eventually(() => charges('a').length === 2);
  });
});

describe('listening from code', () => {
  interface Events {
    heard: { word: string };
    begun: object;
  }
  let options: object = {};

  @Actor()
  class Ears extends LiveActor<{ words: string[] }, Events> {
    stop: (() => void) | undefined;

    initialState() {
      return { words: [] as string[] };
    }

    override onActivate() {
      const { stop } = this.listenTo('ann', (event) => this.#note(event.data as { word: string }), {
        name: 'a',
        ...options,
      });
      this.stop = stop;
      this.listenTo({ event: 'whispered' }, (event) => this.#note(event.data as { word: string }), { name: 'w' });
    }

    #note({ word }: { word: string }) {
      this.fire('heard', { word });
      if (word === 'stop') this.stop?.();
    }

    @Command() begin() {
      this.fire('begun');
    }

    @EventHandler() heard({ word }: Events['heard']) {
      this.state.words.push(word);
    }
  }

  const heard = () => stored('e', 'heard').map(({ data }) => JSON.parse(data).word as string);

  it('goes on after a restart where it stopped, and stops for good', async () => {
    options = {};
    const first = await startNode();
    const speakers = await startNode();
    const ann = await speakers.actors(Speaker).get('ann');
    await ann.say('before');
    await (await first.actors(Ears).get('e')).begin();
    await ann.say('one');
    await eventually(() => heard().length === 1);
    await first.node.stop();
    await ann.say('two');
    const second = await startNode();
    await second.actors(Ears).get('e');
    await eventually(() => heard().length === 2);
    await ann.say('stop');
    await eventually(() => heard().length === 3 && stored('e', '$listening').length === 3);
    await ann.say('nobody hears this');
    await ann.whisper('but this');
    await eventually(() => heard().length === 4);
    await sleep(30);
    expect(heard()).toEqual(['one', 'two', 'stop', 'but this']);
  });

  it('ends after as many events as it was to, across restarts', async () => {
    options = { count: 3 };
    const speakers = await startNode();
    const ann = await speakers.actors(Speaker).get('ann');
    for (let i = 0; i < 3; i += 1) {
      const { node, actors } = await startNode();
      await (await actors(Ears).get('e')).begin();
      await ann.say(`${i}a`);
      await ann.say(`${i}b`);
      await eventually(() => heard().length >= Math.min(3, 2 * (i + 1)));
      // What comes after the last is not heard.
      await sleep(50);
      await node.stop();
    }
    expect(heard()).toEqual(['0a', '0b', '1a']);
  });

  it('ends after a time, and can begin at the beginning', async () => {
    options = { forMs: 150, from: 0 };
    const { actors } = await startNode();
    const ann = await actors(Speaker).get('ann');
    await ann.say('long ago');
    await (await actors(Ears).get('e')).begin();
    await eventually(() => heard().length === 1);
    await sleep(300);
    await ann.say('too late');
    await sleep(50);
    expect(heard()).toEqual(['long ago']);
  });
});
