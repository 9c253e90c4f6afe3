import { afterEach, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, type Heard, ListenTo, LiveActor } from 'omniscient-nest';
import type { Engine } from '../../../lib/engine/duties/engine.js';
import type { ActorBase, ActorClass } from '../../../lib/kernel/declaring/actor.js';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import type { EventMetadata, EventRecord } from '../../../lib/kernel/values/event.js';
import { Runtime } from '../../../lib/runtime/node/runtime.js';
import type { ActorRepository } from '../../../lib/runtime/refs/actor-repository.js';
import { describeOnEngines } from '../../support/engines.js';
import { eventually } from '../../support/eventually.js';
import { Follower, Speaker, type SpeakerEvents } from '../../support/listeners.js';
import { silent } from '../../support/runtime.js';

const WORDS = 40;

interface Silent {
  followed: { speaker: string };
  echoed: { word: string };
}

/** What its reactions fire changes nothing: no handler shows another node that somebody has reacted. */
@Actor()
class Mute extends LiveActor<{ follows?: string }, Silent> {
  initialState(): { follows?: string } {
    return {};
  }
  @Command() follow(speaker: string) {
    this.fire('followed', { speaker });
  }
  @EventHandler() followed({ speaker }: Silent['followed']) {
    this.state.follows = speaker;
  }
  @ListenTo((state: { follows?: string }) => state.follows, { events: ['said'] })
  onSaid({ data }: Heard<SpeakerEvents, 'said'>) {
    this.fire('echoed', data);
    this.fire('echoed', data);
  }
}

const running: Runtime[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()));
});

async function startNode(engine: Engine) {
  const node = new Runtime({ engine, log: silent });
  running.push(node);
  await node.start();
  return <A extends ActorBase<object, object>>(actorClass: new () => A): ActorRepository<A> =>
    node.register<A>(defineActor(actorClass as ActorClass), () => new actorClass());
}

const metadataOf = ({ metadata }: EventRecord) => JSON.parse(metadata) as EventMetadata;
const sizeOf = ({ id, name, data, metadata }: EventRecord) => Buffer.byteLength(id + name + data + metadata);

/** What an event takes beside what any event does that a command fires. */
function noteSize(event: EventRecord): number {
  const { heard: _heard, ...metadata } = metadataOf(event);
  return sizeOf(event) - sizeOf({ ...event, metadata: JSON.stringify(metadata) });
}

describeOnEngines('how far a source was heard', (newEngine) => {
  it('stands in the metadata of what the reaction fired first, and takes a tenth of an event', async () => {
    const engine = newEngine();
    const actors = await startNode(engine);
    const speaker = await actors(Speaker).get('ann');
    await (await actors(Follower).get('f')).follow('ann');
    for (let i = 0; i < WORDS; i += 1) await speaker.say(`${i}`);
    await eventually(async () => (await engine.streamVersion('f')) >= 2 + WORDS);
    const events = await engine.readStream('f', 0, 1_000);
    expect(events.map(({ name }) => name)).toEqual(['followed', '$listening', ...Array(WORDS).fill('noted')]);
    const notes = events.slice(2).map((event) => metadataOf(event).heard);
    expect(notes).toEqual(Array.from({ length: WORDS }, (_, i) => ['onSaid', 'ann', i + 1]));
    for (const event of events.slice(2)) {
      expect(noteSize(event)).toBeGreaterThan(0);
      expect(noteSize(event)).toBeLessThan(sizeOf(event) / 10);
    }
  });

  it('is an event of its own where nothing is fired, and only now and then', async () => {
    const engine = newEngine();
    const actors = await startNode(engine);
    const speaker = await actors(Speaker).get('ann');
    await (await actors(Follower).get('f')).follow('ann');
    await Promise.all(Array.from({ length: 100 }, () => speaker.say('nothing')));
    await eventually(async () => (await engine.streamVersion('f')) === 3);
    const [, , heard] = await engine.readStream('f', 0, 10);
    expect(heard?.name).toBe('$heard');
    expect(JSON.parse(heard?.data ?? '')).toEqual({ actor: 'Follower', listener: 'onSaid', source: 'ann', at: 100 });
  });

  it('keeps a reaction from being stored twice, also where what was fired changes nothing', async () => {
    const engine = newEngine();
    const nodes = [await startNode(engine), await startNode(newEngine()), await startNode(newEngine())];
    const [here] = nodes as [Awaited<ReturnType<typeof startNode>>];
    await (await here(Mute).get('m')).follow('ann');
    for (const actors of nodes) await actors(Mute).get('m');
    const speaker = await here(Speaker).get('ann');
    for (let i = 0; i < WORDS; i += 1) await speaker.say(`${i}`);
    await eventually(async () => (await engine.streamVersion('m')) >= 2 + 2 * WORDS);
    await eventually(() => running.every((node) => node.atWork().length === 0));
    const events = await engine.readStream('m', 2, 1_000);
    const words = Array.from({ length: WORDS }, (_, i) => [`${i}`, `${i}`]).flat();
    expect(events.map(({ data }) => (JSON.parse(data) as { word: string }).word)).toEqual(words);
    expect(events.map((event) => metadataOf(event).heard !== undefined)).toEqual(words.map((_, i) => i % 2 === 0));
  });
});
