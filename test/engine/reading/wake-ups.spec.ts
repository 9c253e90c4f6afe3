import { describe, expect, it } from '@jest/globals';
import type { FollowDuty } from '../../../lib/engine/duties/follow.js';
import type { ReadDuty } from '../../../lib/engine/duties/read.js';
import { EventPull, type PullSource } from '../../../lib/engine/reading/event-pull.js';
import type { FollowerOptions } from '../../../lib/engine/reading/follower.js';
import { SharedReader } from '../../../lib/engine/reading/shared-reader.js';
import { StoreFollower } from '../../../lib/engine/reading/store-follower.js';
import { StreamFollower } from '../../../lib/engine/reading/stream-follower.js';
import { WakeUps } from '../../../lib/engine/reading/wake-ups.js';
import { MemoryEngine, MemoryStore } from '../../../lib/engines/memory/index.js';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import { seedFor } from '../../support/seed.js';
import { VirtualEnvironment } from '../../support/virtual-environment.js';
import { DistantEngine } from './distant-engine.js';
import { someEvents } from './flaky-engine.js';

const SEEDS = 40;
/** Times of much being stored, each followed by a rest in which everybody has to come to the end. */
const BURSTS = 8;
const COMMITS_MAX = 6;

describe('WakeUps', () => {
  it('what is heard during a read is not answered by it, whatever it finds', () => {
    const wakeUps = new WakeUps();
    expect(wakeUps.isDue(0)).toBe(false);
    wakeUps.hear();
    wakeUps.beginRead();
    wakeUps.hear();
    wakeUps.reachedEnd();
    expect(wakeUps.isDue(1_000)).toBe(true);
    wakeUps.beginRead();
    wakeUps.reachedEnd();
    expect(wakeUps.isDue(0)).toBe(false);
  });

  it('a read that fails, or gives a part, answers for nothing', () => {
    const wakeUps = new WakeUps();
    wakeUps.hear(5);
    wakeUps.beginRead();
    expect(wakeUps.isDue(3)).toBe(true);
    wakeUps.beginRead();
    expect([wakeUps.isDue(4), wakeUps.isDue(5)]).toEqual([true, false]);
  });

  it('what was told of and is not there is waited for no longer than until the end is read', () => {
    const wakeUps = new WakeUps();
    wakeUps.hear(9);
    wakeUps.beginRead();
    wakeUps.hear(8);
    wakeUps.reachedEnd();
    expect([wakeUps.isDue(7), wakeUps.isDue(8)]).toEqual([true, false]);
  });
});

/** Somebody who follows something, and what they got. */
interface Listener {
  readonly got: EventRecord[];
  readonly wants: (event: EventRecord) => boolean;
  stop(): void;
}

interface Scene {
  readonly environment: VirtualEnvironment;
  readonly store: MemoryStore;
  readonly engine: ReadDuty & FollowDuty;
}

type Begin = (scene: Scene) => Listener;

const follower =
  (source: { stream: string } | { names?: readonly string[] }, after: (scene: Scene) => number = () => 0): Begin =>
  (scene) => {
    const got: EventRecord[] = [];
    const from = after(scene);
    const options: FollowerOptions = {
      after: from,
      onEvents: (events) => got.push(...events),
      onError: (error) => {
        throw error;
      },
      environment: scene.environment,
    };
    const begun =
      'stream' in source
        ? new StreamFollower(scene.engine, source.stream, options)
        : new StoreFollower(scene.engine, { ...options, ...source });
    begun.start();
    return { got, wants: wanted(source, from), stop: () => begun.stop() };
  };

const pull =
  (source: PullSource): Begin =>
  ({ engine, environment }) => {
    const got: EventRecord[] = [];
    const pulling = new EventPull(engine, source, 0, () => {}, environment);
    void (async () => {
      for (;;) {
        const events = await pulling.next();
        if (!events) return;
        got.push(...events);
        if (environment.random() < 0.5) await environment.sleep(environment.random() * 20);
      }
    })();
    return { got, wants: wanted(source, 0), stop: () => pulling.stop() };
  };

function wanted(source: PullSource, after: number): (event: EventRecord) => boolean {
  if ('stream' in source) return ({ streamId, version }) => streamId === source.stream && version > after;
  return ({ name, position }) => position > after && (!source.names || source.names.includes(name));
}

/** Writes now and then, lets everything happen that is due then, and looks who is left behind. @returns what is wrong. */
async function play(seed: number, begin: readonly Begin[], isShared: boolean): Promise<string[]> {
  const environment = new VirtualEnvironment(seed);
  const { random } = environment;
  const store = new MemoryStore();
  const writer = new MemoryEngine({ store, environment });
  const distant = new DistantEngine(store, environment);
  distant.failing = random() < 0.5 ? 0.1 : 0;
  await Promise.all([writer.open(), distant.open()]);
  const engine = isShared ? new SharedReader(distant, environment) : distant;
  const listeners: Listener[] = [];
  const wrong: string[] = [];
  for (let burst = 0; burst < BURSTS && wrong.length === 0; burst += 1) {
    const writing = (async () => {
      const commits = 1 + Math.floor(random() * COMMITS_MAX);
      for (let i = 0; i < commits; i += 1) {
        for (let come = burst === 0 || isShared ? 3 : 0; come > 0; come -= 1) {
          if (random() < 0.5) for (const each of begin) listeners.push(each({ environment, store, engine }));
          await environment.sleep(random() * 10);
        }
        const events = someEvents(1 + Math.floor(random() * 3), random() < 0.5 ? 'rare' : 'common');
        await writer.append({ streamId: random() < 0.7 ? 'a' : 'b', expectedVersion: 'any', events });
        await environment.sleep(random() < 0.3 ? 0 : random() * 25);
      }
    })();
    await environment.run();
    await writing;
    for (const [i, { got, wants }] of listeners.entries()) {
      const owed = store.all.filter(wants);
      const isRight = got.length === owed.length && got.every(({ id }, at) => id === owed[at]?.id);
      if (!isRight) wrong.push(`seed ${seed}, listener ${i}: got ${got.length} of ${owed.length}`);
    }
  }
  for (const each of listeners) each.stop();
  await environment.run();
  return wrong;
}

/** Somebody who comes back with the last position they have seen. */
const atEnd = ({ store }: Scene) => store.all.length;

const nearEnd = ({ store, environment }: Scene) => Math.max(0, store.all.length - Math.floor(environment.random() * 3));

describe('whoever is woken late, twice, in another order, or without a word, has everything in the end, though nothing else happens', () => {
  it.each<[string, Begin[], boolean]>([
    ['StreamFollower', [follower({ stream: 'a' })], false],
    ['StoreFollower', [follower({})], false],
    ['StoreFollower of some names', [follower({ names: ['rare'] })], false],
    ['EventPull of a stream', [pull({ stream: 'a' })], false],
    ['EventPull of the store', [pull({})], false],
    ['EventPull of some names', [pull({ names: ['rare'] })], false],
    [
      'many who share a reader',
      [follower({ stream: 'a' }), follower({}, nearEnd), follower({ names: ['rare'] }, nearEnd), pull({})],
      true,
    ],
    ['many who come back to a shared reader', [follower({}, atEnd), follower({}, atEnd), follower({}, atEnd)], true],
  ])('%s', async (name, begin, isShared) => {
    const first = seedFor(`woken: ${name}`);
    const wrong: string[] = [];
    for (let seed = first; seed < first + SEEDS; seed += 1) wrong.push(...(await play(seed, begin, isShared)));
    expect(wrong).toEqual([]);
  });
});
