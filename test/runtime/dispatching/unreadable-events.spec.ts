import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, EventHandler, type Heard, ListenTo, LiveActor, Projection } from 'omniscient-nest';
import { MemoryEngine } from 'omniscient-nest/memory';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import { eventually } from '../../support/eventually.js';
import type { SpeakerEvents } from '../../support/listeners.js';
import { MemoryCluster } from '../../support/memory-cluster.js';

type Said = Heard<SpeakerEvents, 'said'>;
interface Notes {
  noted: { word: string };
  begun: object;
}

abstract class Notebook extends LiveActor<{ words: string[] }, Notes> {
  initialState() {
    return { words: [] as string[] };
  }

  @EventHandler() noted({ word }: Notes['noted']) {
    this.state.words.push(word);
  }
}

/** Listens to a stream. */
@Actor({ prefix: 'stream-' })
class OfStream extends Notebook {
  @ListenTo(() => ['ann'], { events: ['said'], from: 0 })
  onSaid({ data }: Said) {
    this.fire('noted', data);
  }
}

/** Listens to a name. */
@Actor({ prefix: 'name-' })
class OfName extends Notebook {
  @ListenTo<SpeakerEvents, 'said'>({ events: ['said'], from: 0 })
  onSaid({ data }: Said) {
    this.fire('noted', data);
  }
}

/** Is called into life. */
@Actor({ prefix: 'called-' })
class Called extends Notebook {
  @ListenTo<SpeakerEvents, 'said'>({ events: ['said'], from: 0, to: () => 'one' })
  onSaid({ data }: Said) {
    this.fire('noted', data);
  }
}

@Projection()
class Words {
  readonly words: string[] = [];

  @EventHandler() said({ word }: { word: string }) {
    this.words.push(word);
  }
}

let cluster: MemoryCluster;
beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.stop());

const METADATA = JSON.stringify({ at: new Date(0).toISOString(), correlationId: 'c' });

/** Three events, the second of which was changed by hand. */
async function told(second: { data?: string; metadata?: string }): Promise<EventRecord> {
  const engine = new MemoryEngine({ store: cluster.store });
  const events = ['good', 'bad', 'better'].map((word) => {
    const event = { id: word, name: 'said', data: JSON.stringify({ word }), metadata: METADATA };
    return word === 'bad' ? { ...event, ...second } : event;
  });
  await engine.open();
  await engine.append({ streamId: 'ann', expectedVersion: 0, events });
  await engine.close();
  return cluster.store.streams.get('ann')?.[1] as EventRecord;
}

async function start(): Promise<{ node: Runtime; words: () => string[][] }> {
  const projection = new Words();
  const { node, actors } = await cluster.start({ reactionTriesMax: 1 });
  actors(Called);
  node.projections.add(Words, projection);
  await node.begin();
  await (await actors(OfStream).get('one')).fire('begun', {});
  await (await actors(OfName).get('one')).fire('begun', {});
  const noted = (id: string) => cluster.stored<{ word: string }>(id, 'noted').map(({ word }) => word);
  return { node, words: () => [noted('stream-one'), noted('name-one'), noted('called-one'), projection.words] };
}

const times = <T>(value: T): T[] => Array.from({ length: 4 }, () => value);

describe('an event that is no longer JSON in the store', () => {
  it.each<[string, { data?: string; metadata?: string }]>([
    ['its payload', { data: '{"word":' }],
    ['its metadata', { metadata: '{"at":' }],
    ['all of it', { data: '', metadata: '' }],
  ])('(%s) is parked by whoever listens, and heard once it was restored', async (_, second) => {
    const record = await told(second);
    const { node, words } = await start();
    await eventually(() => words().flat().length === 8);
    await eventually(async () => (await node.parked.count()) === 4);
    expect(words()).toEqual(times(['good', 'better']));
    const parked = await node.parked.list();
    expect(parked.map(({ error }) => error.code)).toEqual(times('EVENT_UNREADABLE'));
    const where = { id: 'bad', name: 'said', streamId: 'ann', version: 2 };
    for (const { event } of parked) expect(event).toMatchObject(where);

    for (const { id } of parked)
      await expect(node.parked.retry(id)).rejects.toMatchObject({ code: 'EVENT_UNREADABLE' });
    expect(await node.parked.count()).toBe(4);

    Object.assign(record, { data: JSON.stringify({ word: 'restored' }), metadata: METADATA });
    for (const { id } of parked) await node.parked.retry(id);
    expect(await node.parked.count()).toBe(0);
    expect(words()).toEqual(times(['good', 'better', 'restored']));
  });
});
