import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { Unwatch, Wake } from '../../../lib/engine/duties/follow.js';
import type { StorePage } from '../../../lib/engine/duties/read.js';
import type { Follower, FollowerOptions } from '../../../lib/engine/reading/follower.js';
import { SharedReader } from '../../../lib/engine/reading/shared-reader.js';
import { StoreFollower } from '../../../lib/engine/reading/store-follower.js';
import { StreamFollower } from '../../../lib/engine/reading/stream-follower.js';
import { MemoryEngine, MemoryStore } from '../../../lib/engines/memory/index.js';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import { rest } from '../../support/rest.js';
import { randomFrom, seedFor } from '../../support/seed.js';
import { FlakyEngine, someEvents, unavailable } from './flaky-engine.js';

/** A memory engine that counts what it is asked, says nothing with its wake-ups, and answers when the spec wants it to. */
class CountedEngine extends MemoryEngine {
  reads = 0;
  watches = 0;
  watchFails = false;
  answered: Promise<void> = Promise.resolve();

  override async readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]> {
    this.reads += 1;
    const page = await super.readStream(streamId, after, limit);
    await this.answered;
    return page;
  }

  override async readAll(after: number, limit: number, names?: readonly string[]): Promise<StorePage> {
    this.reads += 1;
    return super.readAll(after, limit, names);
  }

  override async watchStream(streamId: string, wake: Wake): Promise<Unwatch> {
    if (this.watchFails) throw unavailable({ outcomeUnknown: false });
    return this.#counted(await super.watchStream(streamId, () => wake([])));
  }

  override async watchAll(wake: Wake): Promise<Unwatch> {
    return this.#counted(await super.watchAll(() => wake([])));
  }

  #counted(unwatch: Unwatch): Unwatch {
    this.watches += 1;
    return () => {
      this.watches -= 1;
      unwatch();
    };
  }
}

async function openEngine(): Promise<CountedEngine> {
  const engine = new CountedEngine();
  await engine.open();
  return engine;
}

interface Listener {
  readonly seen: EventRecord[];
  readonly follower: Follower;
}

function follow(make: (options: FollowerOptions) => Follower): Listener {
  const seen: EventRecord[] = [];
  const onError = (error: unknown) => {
    throw error;
  };
  const follower = make({ after: 0, onEvents: (events) => seen.push(...events), onError });
  follower.start();
  return { seen, follower };
}

describe('SharedReader', () => {
  it.each<[string, (reader: SharedReader, options: FollowerOptions) => Follower]>([
    ['one stream', (reader, options) => new StreamFollower(reader, 's', options)],
    ['the store', (reader, options) => new StoreFollower(reader, options)],
    ['some names', (reader, options) => new StoreFollower(reader, { ...options, names: ['happened'] })],
  ])('a thousand followers of %s cost as much as one', async (_, make) => {
    const counts = async (followers: number) => {
      const engine = await openEngine();
      const reader = new SharedReader(engine);
      await engine.append({ streamId: 's', expectedVersion: 0, events: someEvents(2_500) });
      const listeners = Array.from({ length: followers }, () => follow((options) => make(reader, options)));
      await until(() => listeners.every(({ seen }) => seen.length === 2_500));
      await rest(5);
      const history = engine.reads;
      await engine.append({ streamId: 's', expectedVersion: 2_500, events: someEvents(1) });
      await until(() => listeners.every(({ seen }) => seen.length === 2_501));
      await rest(5);
      const { watches } = engine;
      for (const { follower } of listeners) follower.stop();
      return { history, live: engine.reads - history, watches, left: engine.watches };
    };
    const one = await counts(1);
    expect(one).toMatchObject({ watches: 1, left: 0 });
    expect(await counts(1_000)).toEqual(one);
  });

  it('a read that began before a wake-up is not for those who were woken by it', async () => {
    const engine = await openEngine();
    const reader = new SharedReader(engine);
    let answer: () => void = () => {};
    engine.answered = new Promise((resolve) => {
      answer = resolve;
    });
    let woken = 0;
    await reader.watchStream('s', () => {
      woken += 1;
    });
    const before = reader.readStream('s', 0, 10);
    await engine.append({ streamId: 's', expectedVersion: 0, events: someEvents(1) });
    await until(() => woken === 1);
    const after = reader.readStream('s', 0, 10);
    const together = reader.readStream('s', 0, 10);
    answer();
    expect(await before).toHaveLength(0);
    expect(await after).toHaveLength(1);
    expect(await together).toBe(await after);
    expect(engine.reads).toBe(2);
  });

  it('an answer is not kept for longer than a turn of the event loop', async () => {
    const engine = await openEngine();
    const reader = new SharedReader(engine);
    await reader.watchStream('s', () => {});
    await reader.readStream('s', 0, 10);
    await sleep(1);
    await reader.readStream('s', 0, 10);
    expect(engine.reads).toBe(2);
  });

  it('without a watch nothing is shared, and a watch that failed is opened anew', async () => {
    const engine = await openEngine();
    const reader = new SharedReader(engine);
    await Promise.all([reader.readStream('s', 0, 10), reader.readStream('s', 0, 10)]);
    expect(engine.reads).toBe(2);
    engine.watchFails = true;
    await expect(reader.watchStream('s', () => {})).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    engine.watchFails = false;
    let woken = 0;
    const unwatch = await reader.watchStream('s', () => {
      woken += 1;
    });
    await engine.append({ streamId: 's', expectedVersion: 0, events: someEvents(1) });
    await until(() => woken === 1);
    unwatch();
    unwatch();
    expect(engine.watches).toBe(0);
  });

  it('on a flaky engine, followers that come and go miss and repeat nothing', async () => {
    const random = randomFrom(seedFor('SharedReader'));
    const store = new MemoryStore();
    const writer = new MemoryEngine({ store });
    const engine = new FlakyEngine(store, random);
    await Promise.all([writer.open(), engine.open()]);
    const reader = new SharedReader(engine);
    const streams = ['a', 'b'];
    const listeners: (Listener & { readonly stream: string | undefined; stopped: boolean })[] = [];
    const come = () => {
      const stream = random() < 0.7 ? streams[Math.floor(random() * 2)] : undefined;
      const make = (options: FollowerOptions) =>
        stream ? new StreamFollower(reader, stream, options) : new StoreFollower(reader, options);
      listeners.push({ stream, stopped: false, ...follow(make) });
    };
    const go = () => {
      const leaving = listeners[Math.floor(random() * listeners.length)];
      if (leaving) leaving.stopped = true;
      leaving?.follower.stop();
    };
    const total = 300;
    for (let i = 0; i < total; i += 1) {
      if (random() < 0.3) come();
      if (random() < 0.1) go();
      const streamId = streams[Math.floor(random() * 2)] as string;
      await writer.append({ streamId, expectedVersion: 'any', events: someEvents(1 + Math.floor(random() * 3)) });
      if (random() < 0.3) await sleep(random() * 3);
    }
    const { events: all } = await writer.readAll(0, 10_000);
    const expected = (stream: string | undefined) =>
      all.filter(({ streamId }) => !stream || streamId === stream).map(({ id }) => id);
    const staying = listeners.filter(({ stopped }) => !stopped);
    await until(() => staying.every(({ stream, seen }) => seen.length >= expected(stream).length));
    for (const { stream, seen } of listeners)
      expect(seen.map(({ id }) => id)).toEqual(expected(stream).slice(0, seen.length));
    for (const { follower } of staying) follower.stop();
    expect(staying.length).toBeGreaterThan(10);
  });
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(1);
}
