import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, type Heard, ListenTo, LiveActor, OneActor, TickActor } from 'omniscient-nest';
import { firstValueFrom } from 'rxjs';
import { eventually } from '../../support/eventually.js';
import { Follower, Gossip, Speaker, type SpeakerEvents } from '../../support/listeners.js';
import { MemoryCluster } from '../../support/memory-cluster.js';

type Whispered = Heard<SpeakerEvents, 'whispered'>;
interface Notes {
  noted: { word: string };
  opened: object;
}
interface Base {
  words: string[];
}

/** An actor of this kind that listens to names, to what its state names from the beginning, and in code. */
function listeningAs(Kind: typeof LiveActor, prefix: string) {
  @Actor({ prefix })
  class Listening extends Kind<Base, Notes> {
    initialState() {
      return { words: [] as string[] };
    }

    override onActivate() {
      this.listenTo('bob', ({ data }) => this.fire('noted', data as { word: string }), { name: 'bob' });
    }

    @Command() open() {
      this.fire('opened');
    }

    @ListenTo<SpeakerEvents, 'whispered'>({ events: ['whispered'] }) onWhisper({ data }: Whispered) {
      this.fire('noted', data);
    }

    @ListenTo(() => ['ann'], { events: ['said'] }) onSaid({ data }: Heard<SpeakerEvents, 'said'>) {
      this.fire('noted', data);
    }
  }
  return Listening;
}

const Live = listeningAs(LiveActor, 'live-');
const PREFIX: Record<string, string> = { Live: 'live-', One: 'one-', Ticking: 'tick-', Local: 'local-' };
const KINDS: Record<string, typeof Live> = {
  Live,
  One: listeningAs(OneActor as never, 'one-'),
  Ticking: listeningAs(TickActor as never, 'tick-'),
  Local: listeningAs(Actor as never, 'local-'),
};

/** Fires only what it is told with an exclamation mark. */
@Actor({ prefix: 'deaf-' })
class Deaf extends LiveActor<Base, Notes> {
  static heard: string[] = [];

  initialState() {
    return { words: [] as string[] };
  }

  @Command() ask() {
    return this.state.words.length;
  }

  @ListenTo<SpeakerEvents, 'whispered'>({ events: ['whispered'] }) onWhisper({ data }: Whispered) {
    if (data.word.startsWith('?')) throw new Error('cannot hear that');
    Deaf.heard.push(data.word);
    if (data.word.startsWith('!')) this.fire('noted', data);
  }
}

@Actor({ prefix: 'once-' })
class Once extends LiveActor<Base, Notes> {
  initialState() {
    return { words: [] as string[] };
  }

  override onActivate() {
    this.listenTo('ann', ({ data }) => this.fire('noted', data as { word: string }), { name: 'ann', count: 1 });
  }

  @Command() open() {
    this.fire('opened');
  }
}

let cluster: MemoryCluster;
beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.stop());

const words = (streamId: string) => cluster.stored<{ word: string }>(streamId, 'noted').map(({ word }) => word);

describe('looking at an actor that has no event', () => {
  it.each(Object.keys(KINDS))('stores nothing, and leaves nobody behind who hears (%s)', async (kind) => {
    const { node, actors } = await cluster.start({ passivateAfterMs: 30 });
    const repository = actors(KINDS[kind] as typeof Live);
    const speaker = await actors(Speaker).get('ann');
    const stored = () => [...cluster.store.streams.keys()].filter((id) => !id.startsWith('$') && id !== 'ann');
    for (let i = 0; i < 20; i += 1) {
      const ref = await repository.get(`random-${i}`);
      expect(ref.version).toBe(0);
      await repository.exists(`random-${i}`);
      await firstValueFrom(repository.state$(`random-${i}`));
      for await (const _ of repository.replay(`random-${i}`)) expect(true).toBe(false);
      ref.release();
    }
    await eventually(() => node.residents === 0);
    await speaker.whisper('anybody?');
    await speaker.say('anybody?');
    await eventually(() => node.residents === 0);
    await speaker.say('still nobody?');
    // What hears would be loaded by that, and would store what it heard.
    await sleep(100);
    await eventually(() => node.residents === 0);
    expect(stored()).toEqual([]);
    expect(await node.parts.engine.lastPosition()).toBe(3);
  });

  it.each(Object.keys(KINDS))(
    'lets it begin to listen with the first event that is stored for it (%s)',
    async (kind) => {
      const { actors } = await cluster.start();
      const [ann, bob] = [await actors(Speaker).get('ann'), await actors(Speaker).get('bob')];
      const opened = await actors(KINDS[kind] as typeof Live).get('x');
      await opened.open();
      const streamId = `${PREFIX[kind]}x`;
      const first = cluster.store.streams.get(streamId) ?? [];
      const names = new Set(first.map(({ name }) => name).filter((name) => name !== '$leader'));
      expect([...names].sort()).toEqual(['$listening', 'opened']);
      expect(cluster.stored<{ begin: object[] }>(streamId, '$listening').flatMap(({ begin }) => begin)).toHaveLength(3);
      await ann.say('one');
      await eventually(() => words(streamId).length === 1);
      await ann.whisper('two');
      await eventually(() => words(streamId).length === 2);
      await bob.say('three');
      await eventually(() => words(streamId).length === 3);
      expect(words(streamId)).toEqual(['one', 'two', 'three']);
    },
  );

  it('lets it begin when another class stores the first event of its stream', async () => {
    const { actors } = await cluster.start();
    const ann = await actors(Speaker).get('ann');
    await actors(Gossip).get('both');
    await (await actors(Follower).get('both')).follow('ann');
    await eventually(() =>
      cluster.stored<{ actor: string }>('both', '$listening').some(({ actor }) => actor === 'Gossip'),
    );
    await ann.whisper('one');
    await eventually(() => words('both').length === 1);
  });

  const isKept = { passivateAfterMs: 60_000 };
  const others = (streamId: string) =>
    (cluster.store.streams.get(streamId) ?? []).map(({ name }) => name).filter((name) => name !== '$leader');

  it.each(Object.keys(KINDS))(
    'lets it hear while it is loaded, and begin with what that makes it fire (%s)',
    async (kind) => {
      const { actors } = await cluster.start(isKept);
      const [ann, bob] = [await actors(Speaker).get('ann'), await actors(Speaker).get('bob')];
      await ann.say('before');
      await actors(KINDS[kind] as typeof Live).get('x');
      const streamId = `${PREFIX[kind]}x`;
      expect(others(streamId)).toEqual([]);
      await ann.say('one');
      await eventually(() => words(streamId).length === 1);
      await ann.whisper('two');
      await eventually(() => words(streamId).length === 2);
      await bob.say('three');
      await eventually(() => words(streamId).length === 3);
      expect(words(streamId)).toEqual(['one', 'two', 'three']);
    },
  );

  it('makes several nodes that hear the same store it once', async () => {
    const nodes = [await cluster.start(isKept), await cluster.start(isKept), await cluster.start(isKept)];
    const ann = await nodes[0]?.actors(Speaker).get('ann');
    for (const { actors } of nodes) await actors(Live).get('x');
    await ann?.say('one');
    await ann?.whisper('two');
    await ann?.say('three');
    await eventually(() => words('live-x').length === 3);
    await Promise.all(nodes.map(({ node }) => node.stop()));
    expect(words('live-x').toSorted()).toEqual(['one', 'three', 'two']);
  });

  it('stores nothing when what it hears makes it fire nothing, nor when it is asked something', async () => {
    const { actors } = await cluster.start(isKept);
    const ann = await actors(Speaker).get('ann');
    const deaf = await actors(Deaf).get('x');
    await ann.whisper('one');
    await eventually(() => Deaf.heard.length === 1);
    expect(await deaf.ask()).toBe(0);
    expect(cluster.store.streams.get('deaf-x')).toBeUndefined();
    await ann.whisper('!two');
    await eventually(() => words('deaf-x').length === 1);
    // From there on, and from nowhere before.
    expect(Deaf.heard).toEqual(['one', '!two']);
  });

  it('counts what it hears first among the reactions after which it ends', async () => {
    const { actors } = await cluster.start(isKept);
    const ann = await actors(Speaker).get('ann');
    await actors(Once).get('x');
    await ann.say('one');
    await eventually(() => words('once-x').length === 1);
    await ann.say('two');
    await (await actors(Once).get('x')).open();
    await sleep(50);
    expect(words('once-x')).toEqual(['one']);
  });

  it('parks what it cannot react to, though it has no event', async () => {
    const { node, actors } = await cluster.start({ ...isKept, reactionTriesMax: 1 });
    const ann = await actors(Speaker).get('ann');
    await actors(Deaf).get('x');
    await ann.whisper('?bad');
    await eventually(() => others('deaf-x').includes('$parked'));
    await ann.whisper('!good');
    await eventually(() => words('deaf-x').length === 1);
    expect(others('deaf-x').filter((name) => name === '$parked')).toHaveLength(1);
    expect(node.residents).toBeGreaterThan(0);
  });
});
