import { describe, expect, it } from '@jest/globals';
import type { StorePage } from '../../../lib/engine/duties/read.js';
import { StoreFollower } from '../../../lib/engine/reading/store-follower.js';
import { MemoryEngine, MemoryStore } from '../../../lib/engines/memory/index.js';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import { rest } from '../../support/rest.js';
import { randomFrom, seedFor } from '../../support/seed.js';
import { FlakyEngine, someEvents } from './flaky-engine.js';

/** A memory engine that notes from where it was read. */
class NotingEngine extends MemoryEngine {
  readonly readAfter: number[] = [];

  override async readAll(after: number, limit: number, names?: readonly string[]): Promise<StorePage> {
    this.readAfter.push(after);
    return super.readAll(after, limit, names);
  }
}

function follow(engine: MemoryEngine, after = 0, names?: readonly string[]) {
  const seen: EventRecord[] = [];
  const errors: unknown[] = [];
  const follower = new StoreFollower(engine, {
    after,
    onEvents: (events) => seen.push(...events),
    onError: (error) => errors.push(error),
    ...(names && { names }),
  });
  follower.start();
  return { follower, seen, errors };
}

describe('StoreFollower', () => {
  it('gives the events of all streams in order of position, history and then live', async () => {
    const engine = new MemoryEngine();
    await engine.open();
    const store = (streamId: string) =>
      engine.append({ streamId, expectedVersion: 'any', events: someEvents(2, 'moved') });
    for (const id of ['a', 'b', 'a']) await store(id);
    const { follower, seen } = follow(engine, 1);
    await rest(5);
    for (const id of ['c', 'a']) await store(id);
    await rest(5);
    follower.stop();
    expect(seen.map(({ position, streamId }) => `${position}${streamId}`)).toEqual([
      '2a',
      '3b',
      '4b',
      '5a',
      '6a',
      '7c',
      '8c',
      '9a',
      '10a',
    ]);
  });

  it('gives only the names asked for, and does not look again at what has others', async () => {
    const engine = new NotingEngine();
    await engine.open();
    const store = (name: string, count: number) =>
      engine.append({ streamId: 's', expectedVersion: 'any', events: someEvents(count, name) });
    await store('noise', 500);
    const { follower, seen } = follow(engine, 0, ['rare']);
    await rest(5);
    await store('noise', 10);
    await rest(5);
    await store('rare', 1);
    await rest(5);
    follower.stop();
    expect(seen.map(({ position }) => position)).toEqual([511]);
    expect(engine.readAfter.filter((after) => after < 500)).toEqual([0]);
    expect([engine.readAfter.at(-1), follower.place]).toEqual([510, 511]);
  });

  it('gives each event once and in order over an engine at its worst, stopped and resumed at random', async () => {
    const random = randomFrom(seedFor('store-follower'));
    const shared = new MemoryStore();
    const sound = new MemoryEngine({ store: shared });
    const flaky = new FlakyEngine(shared, random);
    await Promise.all([sound.open(), flaky.open()]);
    let writing = true;
    const writers = ['a', 'b', 'c'].map(async (streamId) => {
      for (let i = 0; i < 60; i += 1) {
        const name = random() < 0.3 ? 'rare' : 'common';
        await sound.append({
          streamId,
          expectedVersion: 'any',
          events: someEvents(1 + Math.floor(random() * 3), name),
        });
        if (random() < 0.5) await rest(random() * 4);
      }
    });
    const written = Promise.all(writers).then(() => (writing = false));
    const takers = [undefined, ['rare'], ['common', 'rare', 'never']].map(async (names) => {
      const own: EventRecord[] = [];
      const wanted = () => shared.all.filter(({ name }) => !names || names.includes(name));
      while (writing || own.length < wanted().length) {
        const { follower, seen, errors } = follow(flaky, own.at(-1)?.position ?? 0, names);
        await rest(random() * 20);
        follower.stop();
        own.push(...seen);
        expect(errors).toEqual([]);
      }
      expect(own.map(({ id }) => id)).toEqual(wanted().map(({ id }) => id));
    });
    await Promise.all([written, ...takers]);
  });
});
