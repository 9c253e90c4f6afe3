import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, type Heard, ListenTo, LiveActor } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { ActorBase, ActorClass } from '../../../lib/kernel/declaring/actor.js';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import { LEFT_SOURCES_MAX, LISTENING_EVENT, ListeningState } from '../../../lib/kernel/framework/listening-state.js';
import { Runtime } from '../../../lib/runtime/node/runtime.js';
import { Speaker, type SpeakerEvents } from '../../support/listeners.js';
import { patientMs } from '../../support/machine-speed.js';
import { silent } from '../../support/runtime.js';

const NODES = 3;
const GUESTS = 40;

interface GuestEvents {
  came: { to: string };
  left: { because: string };
}

/** Leaves with the first word: what it hears makes it stop listening. */
@Actor({ prefix: 'guest-' })
class Guest extends LiveActor<{ at: string | null; exits: number }, GuestEvents> {
  initialState() {
    return { at: null as string | null, exits: 0 };
  }

  @Command() come(to: string) {
    this.fire('came', { to });
  }

  @EventHandler() came({ to }: GuestEvents['came']) {
    this.state.at = to;
  }

  @EventHandler() left() {
    this.state.at = null;
    this.state.exits += 1;
  }

  @ListenTo(({ at }: { at: string | null }) => at ?? undefined, { events: ['said'] })
  async onSaid({ data }: Heard<SpeakerEvents, 'said'>): Promise<void> {
    // Long enough that all nodes react before any of them has stored.
    await sleep(2);
    this.fire('left', { because: data.word });
  }
}

const running: Runtime[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()));
});

it('a reaction that ends listening to its source is stored once, however many nodes react at the same time', async () => {
  const store = new MemoryStore();
  const nodes = await Promise.all(
    Array.from({ length: NODES }, async () => {
      const node = new Runtime({ engine: new MemoryEngine({ store }), log: silent });
      running.push(node);
      await node.start();
      const actors = <A extends ActorBase<object, object>>(actorClass: new () => A) =>
        node.register<A>(defineActor(actorClass as ActorClass), () => new actorClass());
      return { guests: actors(Guest), speakers: actors(Speaker) };
    }),
  );
  const ids = Array.from({ length: GUESTS }, (_, i) => `${i}`);
  const [first] = nodes;
  for (const id of ids) {
    await (await first?.guests.get(id))?.come(`speaker-${id}`);
    for (const { guests } of nodes) await guests.get(id);
  }
  const speakers = await Promise.all(ids.map((id) => first?.speakers.get(`speaker-${id}`)));
  await Promise.all(speakers.map((speaker) => speaker?.say('go')));

  const exits = () =>
    ids.map((id) => (store.streams.get(`guest-${id}`) ?? []).filter(({ name }) => name === 'left').length);
  const endMs = performance.now() + patientMs(10_000);
  while (exits().some((count) => count === 0) && performance.now() < endMs) await sleep(10);
  // Whoever is late has had the time to store a second one.
  await sleep(300);
  expect(exits()).toEqual(ids.map(() => 1));
});

it('what is remembered of sources that were left has a limit', () => {
  const listeningState = new ListeningState('Any');
  const metadata = JSON.stringify({ at: '2026-01-01T00:00:00.000Z' });
  const listen = (data: object) =>
    listeningState.apply({
      id: 'e',
      name: LISTENING_EVENT,
      data: JSON.stringify({ actor: 'Any', listener: 'l', begin: [], end: [], ...data }),
      metadata,
    });
  for (let i = 0; i < LEFT_SOURCES_MAX + 50; i += 1) {
    listen({ begin: [{ source: `s${i}`, after: i }] });
    listen({ end: [`s${i}`] });
  }
  expect(listeningState.sources.size).toBe(LEFT_SOURCES_MAX);
  expect(listeningState.heardAt('l', `s${LEFT_SOURCES_MAX + 49}`)).toBe(LEFT_SOURCES_MAX + 49);
  const restored = new ListeningState('Any');
  restored.restore(JSON.parse(JSON.stringify(listeningState.toJSON())));
  expect(restored.sources.size).toBe(LEFT_SOURCES_MAX);
});
