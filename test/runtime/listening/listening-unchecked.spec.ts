import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, ConflictError, EventHandler } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { AppendRequest } from '../../../lib/engine/duties/append.js';
import type { ActorClass } from '../../../lib/kernel/declaring/actor.js';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import { Runtime } from '../../../lib/runtime/node/runtime.js';
import { eventually } from '../../support/eventually.js';
import { Speaker } from '../../support/listeners.js';
import { silent } from '../../support/runtime.js';

interface Events {
  wrote: { text: string };
  heard: { word: string };
}

/** Checks no version, until it listens. */
@Actor()
class Diary extends Actor<{ pages: string[] }, Events> {
  initialState() {
    return { pages: [] as string[] };
  }

  @Command() write(text: string): void {
    this.fire('wrote', { text });
  }

  @Command() follow(): void {
    const note = ({ data }: { data: unknown }) => this.fire('heard', data as Events['heard']);
    this.listenTo('ann', note, { name: 'ann', from: 0 });
  }

  @EventHandler('wrote') onWrote({ text }: Events['wrote']): void {
    this.state.pages.push(text);
  }

  @EventHandler('heard') onHeard({ word }: Events['heard']): void {
    this.state.pages.push(word);
  }
}

/** Holds one append back. */
class SlowEngine extends MemoryEngine {
  holds: ((request: AppendRequest) => Promise<void>) | undefined;

  override async append(request: AppendRequest) {
    await this.holds?.(request);
    return super.append(request);
  }
}

const WORDS = ['one', 'two', 'three'];

let store: MemoryStore;
let running: Runtime[] = [];

beforeEach(() => {
  store = new MemoryStore();
});
afterEach(async () => {
  await Promise.all(running.map((node) => node.stop()));
  running = [];
});

async function startNode(nodeId: string) {
  const engine = new SlowEngine({ store });
  const node = new Runtime({ engine, log: silent, nodeId });
  running.push(node);
  await node.start();
  const actors = <A>(actorClass: new () => A) =>
    node.register<A & Diary>(defineActor(actorClass as unknown as ActorClass), () => new actorClass() as never);
  return { engine, diary: await actors(Diary).get('d'), speakers: actors(Speaker) };
}

const heard = () =>
  (store.streams.get('d') ?? []).filter(({ name }) => name === 'heard').map(({ data }) => JSON.parse(data).word);

/** Two nodes; the other one's diary follows Ann, and has heard all that she said. */
async function otherFollows() {
  const [here, other] = [await startNode('here'), await startNode('other')];
  const ann = (await here.speakers.get('ann')) as unknown as { say(word: string): Promise<void> };
  for (const word of WORDS) await ann.say(word);
  await here.diary.write('here');
  return { here, other, ann };
}

describe('an actor that checks no version', () => {
  it('is loaded again before it listens, if events of others are missing in its state', async () => {
    const { here, other, ann } = await otherFollows();
    await other.diary.follow();
    await eventually(() => heard().length === WORDS.length);
    await here.diary.write('again');
    await expect(here.diary.follow()).rejects.toThrow(ConflictError);
    await here.diary.follow();
    await ann.say('four');
    await eventually(() => heard().includes('four'));
    await sleep(100);
    expect(heard()).toEqual([...WORDS, 'four']);
  });

  it('is loaded again if that shows when it listens already', async () => {
    const { here, other, ann } = await otherFollows();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    here.engine.holds = () => held;
    const written = here.diary.write('again');
    await sleep(20);
    // What was written is on its way, checked against nothing.
    const following = here.diary.follow();
    following.catch(() => {});
    await other.diary.follow();
    await eventually(() => heard().length === WORDS.length);
    here.engine.holds = undefined;
    release();
    await written;
    await expect(following).rejects.toThrow(ConflictError);
    await here.diary.follow();
    await ann.say('four');
    await eventually(() => heard().includes('four'));
    await sleep(100);
    expect(heard()).toEqual([...WORDS, 'four']);
  });
});
