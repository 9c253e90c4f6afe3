import { afterEach, describe, expect, it } from '@jest/globals';
import type { Unwatch, Wake } from '../../../lib/engine/duties/follow.js';
import { READ_PAGE_EVENTS_MAX } from '../../../lib/engine/duties/read.js';
import type { FollowerOptions } from '../../../lib/engine/reading/follower.js';
import { StreamFollower } from '../../../lib/engine/reading/stream-follower.js';
import { MemoryEngine, MemoryStore } from '../../../lib/engines/memory/index.js';
import { EngineError } from '../../../lib/kernel/values/errors.js';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import { rest } from '../../support/rest.js';
import { randomFrom, seedFor } from '../../support/seed.js';
import { FlakyEngine, someEvents, unavailable } from './flaky-engine.js';

/** A memory engine that counts reads and watches, and lets a spec wake by hand and fail on demand. */
class ObservedEngine extends MemoryEngine {
  reads = 0;
  watches = 0;
  wake: Wake = () => {};
  /** Errors for the next reads and watches. */
  readonly readErrors: unknown[] = [];
  readonly watchErrors: unknown[] = [];
  /** Awaited inside a read, after the page was taken from the store. */
  beforeAnswer: (() => Promise<void>) | undefined;

  override async readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]> {
    this.reads += 1;
    if (this.readErrors.length > 0) throw this.readErrors.shift();
    const page = await super.readStream(streamId, after, limit);
    await this.beforeAnswer?.();
    return page;
  }

  override async watchStream(_streamId: string, wake: Wake): Promise<Unwatch> {
    if (this.watchErrors.length > 0) throw this.watchErrors.shift();
    this.watches += 1;
    this.wake = wake;
    return () => {
      this.watches -= 1;
    };
  }

  store(count: number): Promise<unknown> {
    return this.append({ streamId: 's', expectedVersion: 'any', events: someEvents(count) });
  }
}

const followers: StreamFollower[] = [];
afterEach(() => {
  for (const follower of followers.splice(0)) follower.stop();
});

async function observed(): Promise<ObservedEngine> {
  const engine = new ObservedEngine();
  await engine.open();
  return engine;
}

function follow(engine: MemoryEngine, options: Partial<FollowerOptions> = {}) {
  const versions: number[] = [];
  const errors: unknown[] = [];
  const follower = new StreamFollower(engine, 's', {
    after: 0,
    onEvents: (events) => versions.push(...events.map(({ version }) => version)),
    onError: (error) => errors.push(error),
    ...options,
  });
  followers.push(follower);
  follower.start();
  return { follower, versions, errors };
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('StreamFollower', () => {
  it('gives history in pages and then what is stored, each event once', async () => {
    const engine = new MemoryEngine();
    await engine.open();
    await engine.append({ streamId: 's', expectedVersion: 0, events: someEvents(2 * READ_PAGE_EVENTS_MAX + 5) });
    const { versions } = follow(engine, {});
    expect(versions).toEqual([]);
    await rest(20);
    for (let i = 0; i < 3; i += 1)
      await engine.append({ streamId: 's', expectedVersion: 'any', events: someEvents(2) });
    await rest(5);
    expect(versions).toEqual(upTo(2 * READ_PAGE_EVENTS_MAX + 11));
  });

  it('begins after the version it is given', async () => {
    const engine = await observed();
    await engine.store(10);
    const { versions } = follow(engine, { after: 7 });
    await rest(5);
    expect(versions).toEqual([8, 9, 10]);
  });

  it('takes what fits from a wake-up without reading, and reads on a hole', async () => {
    const engine = await observed();
    const { versions } = follow(engine);
    await rest(5);
    await engine.store(5);
    const stored = await engine.readStream('s', 0, 10);
    const reads = engine.reads;
    engine.wake(stored.slice(0, 2));
    expect([versions, engine.reads]).toEqual([[1, 2], reads]);
    engine.wake(stored.slice(1, 3));
    expect([versions, engine.reads]).toEqual([[1, 2, 3], reads]);
    engine.wake(stored.slice(4));
    expect(versions).toEqual([1, 2, 3]);
    await rest(5);
    expect(versions).toEqual([1, 2, 3, 4, 5]);
    expect(engine.reads).toBeGreaterThan(reads);
  });

  it('reads nothing when a wake-up only brings what it has, and reads when it brings nothing', async () => {
    const engine = await observed();
    await engine.store(3);
    const { versions } = follow(engine);
    await rest(5);
    const reads = engine.reads;
    engine.wake(await MemoryEngine.prototype.readStream.call(engine, 's', 0, 10));
    await rest(5);
    expect(engine.reads).toBe(reads);
    await engine.store(1);
    engine.wake([]);
    await rest(5);
    expect(versions).toEqual([1, 2, 3, 4]);
  });

  it('misses nothing that is stored while it reads the last page', async () => {
    const engine = await observed();
    let late = 0;
    engine.beforeAnswer = async () => {
      if (late >= 5) return;
      late += 1;
      await engine.store(1);
      engine.wake([]);
    };
    const { versions } = follow(engine);
    await rest(20);
    expect(versions).toEqual(upTo(5));
  });

  it('reads once more when the watch is in force, whatever it was woken for before', async () => {
    const engine = await observed();
    let inForce: () => void = () => {};
    engine.watchStream = async (_id, wake) => {
      wake([]);
      await new Promise<void>((resolve) => (inForce = resolve));
      return () => {};
    };
    engine.beforeAnswer = async () => {
      engine.beforeAnswer = undefined;
      await engine.store(1);
      inForce();
      await rest(5);
    };
    const { versions } = follow(engine);
    await rest(30);
    expect(versions).toEqual([1]);
  });

  it('keeps the order when the events themselves make it wake', async () => {
    const engine = await observed();
    const versions: number[] = [];
    follow(engine, {
      onEvents: (events) => {
        for (const { version } of events) {
          if (version === 1) engine.wake(stored.slice(2));
          versions.push(version);
        }
      },
    });
    await rest(5);
    await engine.store(3);
    const stored = await engine.readStream('s', 0, 10);
    engine.wake(stored.slice(0, 2));
    await rest(5);
    expect(versions).toEqual([1, 2, 3]);
  });

  it('lets the event loop turn between pages', async () => {
    const engine = await observed();
    await engine.store(20);
    const original = engine.readStream.bind(engine);
    engine.readStream = (streamId, after) => original(streamId, after, 1);
    let turns = 0;
    let turning = setImmediate(function turn() {
      turns += 1;
      turning = setImmediate(turn);
    });
    const seenAt: number[] = [];
    follow(engine, { onEvents: () => seenAt.push(turns) });
    await rest(100);
    clearImmediate(turning);
    expect(seenAt).toHaveLength(20);
    expect(new Set(seenAt).size).toBe(20);
  });

  it('gives nothing after stop, also when it was stopped while it read or by what it gave', async () => {
    const engine = await observed();
    await engine.store(3);
    const first = follow(engine);
    engine.beforeAnswer = async () => first.follower.stop();
    await rest(5);
    engine.beforeAnswer = undefined;
    expect([first.versions, engine.watches]).toEqual([[], 0]);

    let given = 0;
    const second = follow(engine, {
      onEvents: () => {
        given += 1;
        second.follower.stop();
      },
    });
    await rest(5);
    engine.wake([]);
    await rest(5);
    expect([given, engine.watches]).toEqual([1, 0]);
  });

  it('closes the watch when it was stopped before the watch was open', async () => {
    const engine = await observed();
    const { follower } = follow(engine);
    follower.stop();
    await rest(5);
    expect([engine.watches, engine.reads]).toEqual([0, 0]);
  });

  it('tries again after errors that may pass, of reading and of watching, and tells of them', async () => {
    const engine = await observed();
    await engine.store(2);
    const line = () => unavailable({ outcomeUnknown: false });
    engine.watchErrors.push(line(), line());
    engine.readErrors.push(line(), line());
    const retries: unknown[] = [];
    const { versions, errors } = follow(engine, { onRetry: (error) => retries.push(error) });
    await rest(200);
    expect([versions, retries.length, errors]).toEqual([[1, 2], 4, []]);
    expect(engine.watches).toBe(1);
  });

  it('does not read out of turn while it waits to try again, however often it is woken', async () => {
    const engine = await observed();
    follow(engine);
    await rest(5);
    engine.readErrors.push(...Array.from({ length: 100 }, () => unavailable({ outcomeUnknown: false })));
    const reads = engine.reads;
    for (let i = 0; i < 50; i += 1) {
      engine.wake([]);
      await rest(1);
    }
    expect(engine.reads - reads).toBeLessThan(8);
  });

  it('ends with an error that does not pass', async () => {
    const engine = await observed();
    const broken = new EngineError('CORRUPT', 'broken');
    engine.readErrors.push(broken);
    const { errors, versions } = follow(engine);
    await rest(5);
    await engine.store(1);
    engine.wake([]);
    await rest(5);
    expect([errors, versions, engine.watches]).toEqual([[broken], [], 0]);
  });

  it('ends with what its listener throws, and gives nothing more', async () => {
    const engine = await observed();
    await engine.store(1);
    const fault = new Error('in the listener');
    let given = 0;
    const { errors } = follow(engine, {
      onEvents: () => {
        given += 1;
        throw fault;
      },
    });
    await rest(5);
    await engine.store(1);
    engine.wake([]);
    await rest(5);
    expect([errors, given, engine.watches]).toEqual([[fault], 1, 0]);
  });

  it('gives each event once and in order over an engine at its worst, stopped and resumed at random', async () => {
    const random = randomFrom(seedFor('stream-follower'));
    const shared = new MemoryStore();
    const sound = new MemoryEngine({ store: shared });
    const flaky = new FlakyEngine(shared, random);
    await Promise.all([sound.open(), flaky.open()]);
    const writing = (async () => {
      for (let i = 0; i < 150; i += 1) {
        await sound.append({ streamId: 's', expectedVersion: 'any', events: someEvents(1 + Math.floor(random() * 4)) });
        if (random() < 0.5) await rest(random() * 3);
      }
    })();
    const seen: string[] = [];
    const takers = [0, 1, 2].map(async () => {
      const own: EventRecord[] = [];
      const done = () => own.length === (shared.streams.get('s')?.length ?? 0);
      let written = false;
      void writing.then(() => (written = true));
      while (!written || !done()) {
        const { follower, errors } = follow(flaky, {
          after: own.at(-1)?.version ?? 0,
          onEvents: (events) => own.push(...events),
        });
        await rest(random() * 20);
        follower.stop();
        expect(errors).toEqual([]);
      }
      seen.push(own.map(({ id }) => id).join());
    });
    await Promise.all(takers);
    const all = (shared.streams.get('s') ?? []).map(({ id }) => id).join();
    expect(seen).toEqual([all, all, all]);
  });
});
