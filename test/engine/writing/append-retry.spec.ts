import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { AppendRequest, AppendResult } from '../../../lib/engine/duties/append.js';
import { Backoff } from '../../../lib/engine/environment/backoff.js';
import { type AppendRetryOptions, appendWithRetry } from '../../../lib/engine/writing/append-retry.js';
import { MemoryEngine, MemoryStore } from '../../../lib/engines/memory/index.js';
import { EngineError } from '../../../lib/kernel/values/errors.js';
import { randomFrom, seedFor } from '../../support/seed.js';
import { FlakyEngine, someEvents, unavailable } from '../reading/flaky-engine.js';

const lost = () => unavailable({ outcomeUnknown: true });
const refused = () => unavailable({ outcomeUnknown: false });

/** What happens to one try; `store` really stores. */
type Fate = (store: () => Promise<AppendResult>) => Promise<AppendResult>;

/** A memory engine on which the first tries end as they are told to. */
class FatedEngine extends MemoryEngine {
  readonly fates: Fate[] = [];
  tries = 0;

  override async append(request: AppendRequest): Promise<AppendResult> {
    this.tries += 1;
    const fate = this.fates.shift();
    const store = () => super.append(request);
    return fate ? fate(store) : store();
  }

  async seen(streamId: string): Promise<string[]> {
    return (await this.readStream(streamId, 0, 10_000)).map(({ id }) => id);
  }
}

async function fated(...fates: Fate[]): Promise<FatedEngine> {
  const engine = new FatedEngine();
  await engine.open();
  engine.fates.push(...fates);
  return engine;
}

const soon = (changes: Partial<AppendRetryOptions> = {}): AppendRetryOptions => ({
  lastSeenVersion: 0,
  stopped: () => false,
  backoff: new Backoff(1, 4),
  ...changes,
});

const anyOrZero = [['any'], [0]] as const;

describe('appendWithRetry', () => {
  it('tries again for as long as that may help, and tells of each error', async () => {
    const engine = await fated(...Array.from({ length: 5 }, () => () => Promise.reject(refused())));
    const events = someEvents(2);
    const errors: EngineError[] = [];
    const result = await appendWithRetry(
      engine,
      { streamId: 's', expectedVersion: 0, events },
      soon({ onRetry: (error) => errors.push(error) }),
    );
    expect(result).toEqual({ kind: 'appended', version: 1 });
    expect([engine.tries, errors.length]).toEqual([6, 5]);
  });

  it('gives up at once on an error that trying again does not mend, and on one that is not an EngineError', async () => {
    for (const error of [new EngineError('CORRUPT', 'broken'), new TypeError('a fault')]) {
      const engine = await fated(() => Promise.reject(error));
      const request = { streamId: 's', expectedVersion: 0, events: someEvents(1) };
      await expect(appendWithRetry(engine, request, soon())).rejects.toBe(error);
      expect(engine.tries).toBe(1);
    }
  });

  it('gives up when it is told to stop, with the last error', async () => {
    const engine = await fated(...Array.from({ length: 100 }, () => () => Promise.reject(refused())));
    let stopped = false;
    setTimeout(() => (stopped = true), 10);
    const request = { streamId: 's', expectedVersion: 0, events: someEvents(1) };
    await expect(appendWithRetry(engine, request, soon({ stopped: () => stopped }))).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
    });
    expect(engine.tries).toBeLessThan(100);
  });

  it('gives a conflict as it is', async () => {
    const engine = await fated();
    const others = someEvents(2);
    await engine.append({ streamId: 's', expectedVersion: 0, events: others });
    const result = await appendWithRetry(engine, { streamId: 's', expectedVersion: 0, events: someEvents(1) }, soon());
    expect(result).toMatchObject({ kind: 'conflict', version: 2, events: others });
  });

  it.each(anyOrZero)('at %p, stores nothing twice when only the answer was lost', async (expectedVersion) => {
    const engine = await fated(async (store) => {
      await store();
      throw lost();
    });
    const events = someEvents(3);
    const result = await appendWithRetry(engine, { streamId: 's', expectedVersion, events }, soon());
    expect(result).toEqual({ kind: 'appended', version: 1 });
    expect(await engine.seen('s')).toEqual(events.map(({ id }) => id));
  });

  it.each(anyOrZero)('at %p, stores what was lost on the way', async (expectedVersion) => {
    const engine = await fated(() => Promise.reject(lost()));
    const events = someEvents(3);
    const result = await appendWithRetry(engine, { streamId: 's', expectedVersion, events }, soon());
    expect(result).toEqual({ kind: 'appended', version: 1 });
    expect(await engine.seen('s')).toEqual(events.map(({ id }) => id));
  });

  it.each(anyOrZero)('at %p, finds its events behind more than a page of others', async (expectedVersion) => {
    const others = someEvents(2_500);
    const events = someEvents(2);
    const engine = await fated(async (store) => {
      if (expectedVersion === 0) await store();
      await engine.append({ streamId: 's', expectedVersion: 'any', events: others });
      if (expectedVersion === 'any') await store();
      throw lost();
    });
    const result = await appendWithRetry(engine, { streamId: 's', expectedVersion, events }, soon());
    expect(result).toEqual({ kind: 'appended', version: expectedVersion === 0 ? 1 : 2_501 });
    expect(await engine.streamVersion('s')).toBe(2_502);
  });

  it.each(anyOrZero)('at %p, recognises a first try that lands between the search and the second', async (at) => {
    const events = someEvents(2);
    let landing: (() => Promise<AppendResult>) | undefined;
    const engine = await fated(
      (store) => {
        landing = store;
        return Promise.reject(lost());
      },
      async (store) => {
        await landing?.();
        return store();
      },
    );
    const result = await appendWithRetry(engine, { streamId: 's', expectedVersion: at, events }, soon());
    expect(result).toEqual({ kind: 'appended', version: 1 });
    expect(await engine.seen('s')).toEqual(events.map(({ id }) => id));
  });

  it("at 'any', searches again when others came between the search and the second try", async () => {
    const events = someEvents(2);
    const others = someEvents(1);
    const engine = await fated(
      () => Promise.reject(lost()),
      async (store) => {
        await engine.append({ streamId: 's', expectedVersion: 0, events: others });
        return store();
      },
    );
    const result = await appendWithRetry(engine, { streamId: 's', expectedVersion: 'any', events }, soon());
    expect(result).toEqual({ kind: 'appended', version: 2 });
    expect(await engine.seen('s')).toEqual([...others, ...events].map(({ id }) => id));
  });

  it('stores everything exactly once, whatever goes wrong, with eight writers on one stream', async () => {
    const random = randomFrom(seedFor('append-retry'));
    const store = new MemoryStore();
    const engine = new FlakyEngine(store, random);
    await engine.open();
    const given: string[] = [];
    const writer = async (atAny: boolean) => {
      let seen = 0;
      for (let i = 0; i < 25; i += 1) {
        const events = someEvents(1 + Math.floor(random() * 3));
        for (;;) {
          const expectedVersion = atAny ? 'any' : seen;
          const options = soon({ lastSeenVersion: seen });
          const result = await appendWithRetry(engine, { streamId: 's', expectedVersion, events }, options);
          if (result.kind === 'conflict') seen = result.version;
          else {
            seen = result.version + events.length - 1;
            break;
          }
        }
        given.push(...events.map(({ id }) => id));
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, i) => writer(i % 2 === 0)));
    await sleep(20);
    const stored = (store.streams.get('s') ?? []).map(({ id }) => id);
    expect(stored.length).toBe(given.length);
    expect(new Set(stored)).toEqual(new Set(given));
  });
});
