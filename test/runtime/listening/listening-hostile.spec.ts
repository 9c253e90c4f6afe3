import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, EventHandler, type Heard, ListenTo, LiveActor, Projection } from 'omniscient-nest';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import type { Log } from '../../../lib/runtime/parts/settings.js';
import { eventually } from '../../support/eventually.js';
import { HOSTILE } from '../../support/hostile-errors.js';
import { Speaker, type SpeakerEvents } from '../../support/listeners.js';
import { MemoryCluster } from '../../support/memory-cluster.js';
import { silent } from '../../support/runtime.js';

/** What the listeners of this spec throw when they hear the word 'bad'. */
let thrown: () => unknown = () => new Error('not set');

type Said = Heard<SpeakerEvents, 'said'>;
interface Notes {
  noted: { word: string };
  begun: object;
}

/** Listens to a stream. */
@Actor({ prefix: 'listener-' })
class Listener extends LiveActor<{ words: string[] }, Notes> {
  initialState() {
    return { words: [] as string[] };
  }

  @EventHandler() noted({ word }: Notes['noted']) {
    this.state.words.push(word);
  }

  @ListenTo(() => ['ann'], { events: ['said'], from: 0 })
  onSaid({ data }: Said) {
    if (data.word === 'bad') throw thrown();
    this.fire('noted', data);
  }
}

/** Is called into life. */
@Actor({ prefix: 'called-' })
class Called extends LiveActor<{ words: string[] }, Notes> {
  initialState() {
    return { words: [] as string[] };
  }

  @EventHandler() noted({ word }: Notes['noted']) {
    this.state.words.push(word);
  }

  @ListenTo<SpeakerEvents, 'said'>({ events: ['said'], to: () => 'one' })
  onSaid({ data }: Said) {
    if (data.word === 'bad') throw thrown();
    this.fire('noted', data);
  }
}

/** Can't be told whom it concerns. */
@Actor({ prefix: 'lost-' })
class Lost extends LiveActor<object, Notes> {
  initialState() {
    return {};
  }

  @ListenTo<SpeakerEvents, 'said'>({
    events: ['said'],
    to: ({ data }) => {
      if (data.word === 'bad') throw thrown();
      return 'one';
    },
  })
  onSaid({ data }: Said) {
    this.fire('noted', data);
  }
}

@Projection()
class Words {
  readonly words: string[] = [];

  @EventHandler() said({ word }: { word: string }) {
    if (word === 'bad') throw thrown();
    this.words.push(word);
  }
}

let cluster: MemoryCluster;
beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.stop());

async function start(log: Log = silent): Promise<{ node: Runtime; words: Words }> {
  const words = new Words();
  const { node, actors } = await cluster.start({ reactionTriesMax: 1, log });
  for (const each of [Called, Lost]) actors<Called | Lost>(each as never);
  node.projections.add(Words, words);
  await node.begin();
  await (await actors(Listener).get('one')).fire('begun', {});
  const ann = await actors(Speaker).get('ann');
  for (const word of ['good', 'bad', 'better']) await ann.say(word);
  return { node, words };
}

const noted = (streamId: string) => cluster.stored<{ word: string }>(streamId, 'noted').map(({ word }) => word);

async function expectHeardAndParked({ node, words }: { node: Runtime; words: Words }): Promise<void> {
  const good = ['good', 'better'];
  const isHeard = () =>
    [noted('listener-one'), noted('called-one'), noted('lost-one'), words.words].flat().length === 8;
  await eventually(async () => isHeard() && (await node.parked.count()) === 4);
  expect([noted('listener-one'), noted('called-one'), noted('lost-one'), words.words]).toEqual([
    good,
    good,
    good,
    good,
  ]);
  const parked = await node.parked.list();
  expect(parked.map(({ event }) => (event as Said).data.word)).toEqual(['bad', 'bad', 'bad', 'bad']);
  for (const { error } of parked) {
    expect(typeof error.name).toBe('string');
    expect(typeof error.message).toBe('string');
  }
}

describe('an event on which a listener throws', () => {
  it.each(Object.keys(HOSTILE))('%s is parked, and what comes after it is heard', async (name) => {
    thrown = HOSTILE[name] as () => unknown;
    await expectHeardAndParked(await start());
  });

  it('is parked although the log throws', async () => {
    thrown = () => new Error('on purpose');
    const refuse = () => {
      throw new Error('no room for a line');
    };
    await expectHeardAndParked(await start({ warn: refuse, error: refuse }));
  });

  it('is parked although the log answers with a promise that fails', async () => {
    thrown = () => new Error('on purpose');
    const refuse = async () => {
      throw new Error('no room for a line');
    };
    await expectHeardAndParked(await start({ warn: refuse as never, error: refuse as never }));
  });
});
