import { setImmediate } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { Unwatch, Wake } from '../../../lib/engine/duties/follow.js';
import { READ_PAGE_EVENTS_MAX } from '../../../lib/engine/duties/read.js';
import { EventPull, type PullSource } from '../../../lib/engine/reading/event-pull.js';
import { MemoryEngine, MemoryStore } from '../../../lib/engines/memory/index.js';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import { randomFrom, seedFor } from '../../support/seed.js';
import { FlakyEngine, someEvents } from './flaky-engine.js';

/** A memory engine that counts reads and lets a spec change what wake-ups say. */
class ObservedEngine extends MemoryEngine {
  reads = 0;
  said: (events: readonly EventRecord[]) => readonly EventRecord[] = (events) => events;
  wake: Wake = () => {};

  override async readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]> {
    this.reads += 1;
    return super.readStream(streamId, after, limit);
  }

  override async watchStream(streamId: string, wake: Wake): Promise<Unwatch> {
    this.wake = wake;
    return super.watchStream(streamId, (events) => wake(this.said(events)));
  }

  store(count = 1): Promise<unknown> {
    return this.append({ streamId: 's', expectedVersion: 'any', events: someEvents(count) });
  }
}

/** Takes what a pull gives, as fast as `pause` says. */
function taking(engine: MemoryEngine, pause: () => Promise<unknown> = async () => {}, after = 0) {
  const pull = new EventPull(engine, { stream: 's' }, after);
  const versions: number[] = [];
  const taken = (async () => {
    for (;;) {
      const page = await pull.next();
      if (!page) return;
      versions.push(...page.map(({ version }) => version));
      await pause();
    }
  })();
  return { pull, versions, taken };
}

async function openEngine(): Promise<ObservedEngine> {
  const engine = new ObservedEngine();
  await engine.open();
  return engine;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(1);
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

describe('EventPull of a stream', () => {
  it('need not read what wake-ups bring to who keeps up', async () => {
    const engine = await openEngine();
    await engine.store(10);
    const { pull, versions } = taking(engine);
    await until(() => pull.caughtUpTo === 10);
    const { reads } = engine;
    for (let i = 0; i < 20; i += 1) {
      await engine.store(2);
      if (i % 3 === 0) await sleep(1);
    }
    await until(() => pull.caughtUpTo === 50);
    expect(engine.reads).toBe(reads);
    expect(versions).toEqual(upTo(50));
    pull.stop();
  });

  it('reads when a wake-up says nothing, leaves a hole, or comes too late to be held', async () => {
    const engine = await openEngine();
    const { pull, versions } = taking(engine, () => sleep(5));
    await engine.store(1);
    await until(() => pull.caughtUpTo === 1);
    for (const said of [() => [], (events: readonly EventRecord[]) => events.slice(1), () => []]) {
      engine.said = said;
      const { reads } = engine;
      await engine.store(2);
      const { length } = versions;
      await until(() => versions.length === length + 2);
      expect(engine.reads).toBeGreaterThan(reads);
    }
    engine.said = (events) => events;
    await until(() => pull.caughtUpTo === 7);
    const { reads } = engine;
    // More than is held, while nobody asks for it.
    await Promise.all(Array.from({ length: 10 }, () => engine.store(100)));
    await until(() => versions.length === 1_007);
    expect(versions).toEqual(upTo(1_007));
    expect(engine.reads).toBeGreaterThan(reads);
    pull.stop();
  });

  it('what it was told already it neither reads nor repeats', async () => {
    const engine = await openEngine();
    await engine.store(3);
    const { pull, versions } = taking(engine);
    await until(() => pull.caughtUpTo === 3);
    const [first, second] = await engine.readStream('s', 0, 2);
    const { reads } = engine;
    engine.wake([first as EventRecord]);
    engine.wake([second as EventRecord, first as EventRecord]);
    await sleep(2);
    expect(engine.reads).toBe(reads);
    await engine.store(1);
    await until(() => pull.caughtUpTo === 4);
    expect(versions).toEqual(upTo(4));
    pull.stop();
  });

  it.each<[string, PullSource]>([
    ['one stream', { stream: 's' }],
    ['the store', {}],
    ['a name that is nowhere', { names: ['never'] }],
  ])('gives the event loop a turn between pages of %s, though the engine answers at once', async (_, source) => {
    const engine = await openEngine();
    const pages = 30;
    for (let i = 0; i < pages; i += 1) await engine.store(READ_PAGE_EVENTS_MAX);
    let reads = 0;
    let readsInThisTurn = 0;
    let readsMax = 0;
    const counting = () => {
      reads += 1;
      readsInThisTurn += 1;
      readsMax = Math.max(readsMax, readsInThisTurn);
    };
    engine.readStream = (...args) => {
      counting();
      return MemoryEngine.prototype.readStream.apply(engine, args);
    };
    engine.readAll = (...args) => {
      counting();
      return MemoryEngine.prototype.readAll.apply(engine, args);
    };
    let isOver = false;
    const turn = () => {
      readsInThisTurn = 0;
      if (!isOver) setImmediate(turn);
    };
    turn();
    const pull = new EventPull(engine, source, 0);
    const end = 'stream' in source || !source.names ? pages * READ_PAGE_EVENTS_MAX : 0;
    const taking = (async () => {
      for (let seen = 0; seen < end; ) seen += (await pull.next())?.length ?? 0;
      await pull.next();
    })();
    await until(() => pull.caughtUpTo === pages * READ_PAGE_EVENTS_MAX);
    pull.stop();
    await taking;
    isOver = true;
    expect(reads).toBeGreaterThan(pages / 3);
    expect(readsMax).toBe(1);
  });

  it('stops at once, also with something to give out', async () => {
    const engine = await openEngine();
    await engine.store(1);
    const pull = new EventPull(engine, { stream: 's' }, 0);
    expect(await pull.next()).toHaveLength(1);
    const waiting = pull.next();
    await until(() => pull.caughtUpTo === 1);
    await engine.store(1);
    expect(await waiting).toHaveLength(1);
    await engine.store(1);
    await sleep(1);
    pull.stop();
    expect(await pull.next()).toBeUndefined();
  });

  it('on a flaky engine, whoever takes events at whatever pace misses and repeats none', async () => {
    const random = randomFrom(seedFor('EventPull'));
    const store = new MemoryStore();
    const [writer, engine] = [new MemoryEngine({ store }), new FlakyEngine(store, random)];
    await Promise.all([writer.open(), engine.open()]);
    const takers = Array.from({ length: 6 }, (_, i) =>
      taking(engine, async () => {
        if (random() < i / 6) await sleep(random() * 6);
      }),
    );
    let stored = 0;
    const write = async (count: number) => {
      await writer.append({ streamId: 's', expectedVersion: stored, events: someEvents(count) });
      stored += count;
    };
    for (let i = 0; i < 300; i += 1) {
      await write(1 + Math.floor(random() * 4));
      if (random() < 0.5) await sleep(random() * 4);
    }
    // A wake-up that was cut says nothing of what is missing: the next commit does.
    while (!takers.every(({ versions }) => versions.length >= 600)) {
      await write(1);
      await sleep(2);
    }
    for (const { pull } of takers) pull.stop();
    await Promise.all(takers.map(({ taken }) => taken));
    for (const { versions } of takers) expect(versions).toEqual(upTo(versions.length));
  });
});
