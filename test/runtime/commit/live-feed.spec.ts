import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { Wake } from '../../../lib/engine/duties/follow.js';
import { SYSTEM } from '../../../lib/engine/environment/system-environment.js';
import { EngineError } from '../../../lib/kernel/values/errors.js';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import { LiveFeed } from '../../../lib/runtime/commit/live-feed.js';
import type { RuntimeParts } from '../../../lib/runtime/parts/settings.js';
import { DistantEngine } from '../../engine/reading/distant-engine.js';
import { someEvents } from '../../engine/reading/flaky-engine.js';
import { silent } from '../../support/runtime.js';
import { seedFor } from '../../support/seed.js';
import { VirtualEnvironment } from '../../support/virtual-environment.js';

const NEWS = 500;
/** Waits grow from 10 ms to 2 s, so in the time of the news there are hardly more tries than this, however slow the machine is. */
const TRIES_MAX = 30;

const record = (version: number): EventRecord => ({
  id: `e${version}`,
  streamId: 's',
  version,
  position: 0,
  name: 'happened',
  data: '{}',
  metadata: '{}',
});

describe('a feed whose engine is down', () => {
  it('is not asked more often the more it is woken, says so once, and reads all when the engine is back', async () => {
    let wake: Wake = () => {};
    let isDown = true;
    let reads = 0;
    const warnings: string[] = [];
    const taken: number[] = [];
    const engine = {
      watchStream: async (_id: string, woken: Wake) => {
        wake = woken;
        return () => {};
      },
      readStream: async (_id: string, after: number) => {
        reads += 1;
        if (isDown) throw new EngineError('ENGINE_UNREACHABLE', 'down', { retryable: true });
        return [1, 2, 3].filter((version) => version > after).map(record);
      },
    };
    const log = { warn: (message: string) => void warnings.push(message), error: () => {} };
    const owner = {
      label: 'an actor',
      busy: false,
      get version() {
        return taken.length;
      },
      take: (events: readonly EventRecord[]) => void taken.push(...events.map(({ version }) => version)),
    };
    const feed = new LiveFeed({ engine, log, environment: SYSTEM } as unknown as RuntimeParts, 's', owner);
    await feed.watch();
    feed.start();
    for (let i = 0; i < NEWS; i += 1) {
      wake([]);
      await sleep(1);
    }
    expect(reads).toBeLessThan(TRIES_MAX);
    expect(warnings).toHaveLength(1);

    isDown = false;
    while (taken.length < 3) await sleep(5);
    expect(taken).toEqual([1, 2, 3]);
    feed.stop();
  });
});

const SEEDS = 300;
/** Times of much being stored, each followed by a rest in which the feed has to come to the end. */
const BURSTS = 8;
const COMMITS_MAX = 6;

/** Others store, it stores itself, and wake-ups come when and how they like. @returns what is wrong. */
async function play(seed: number): Promise<string[]> {
  const environment = new VirtualEnvironment(seed);
  const { random } = environment;
  const store = new MemoryStore();
  const [writer, engine] = [new MemoryEngine({ store, environment }), new DistantEngine(store, environment)];
  await Promise.all([writer.open(), engine.open()]);
  const owner = {
    label: 'an actor',
    busy: false,
    version: 0,
    wrong: [] as string[],
    take(events: readonly EventRecord[]) {
      if (owner.busy) owner.wrong.push(`seed ${seed}: taken while an append was under way`);
      for (const { version } of events) {
        if (version !== owner.version + 1) owner.wrong.push(`seed ${seed}: ${version} came after ${owner.version}`);
        owner.version = version;
      }
    },
  };
  const feed = new LiveFeed({ engine, log: silent, environment } as unknown as RuntimeParts, 's', owner);
  /** As an actor does it: what came first is in the answer, and others are caught up with afterwards. */
  const storeItself = async () => {
    if (owner.busy || !isLoaded) return;
    owner.busy = true;
    await environment.sleep(random() * 10);
    const expectedVersion = owner.version;
    const events = someEvents(1);
    const result = await engine.append({ streamId: 's', expectedVersion, events });
    await environment.sleep(random() * 10);
    owner.busy = false;
    if (result.kind === 'appended') owner.version = result.version;
    else owner.take(result.events);
    feed.catchUp();
  };
  let isLoaded = false;
  const loading = (async () => {
    await feed.watch();
    for (let page: EventRecord[] | undefined; page?.length !== 0; ) {
      page = await engine.readStream('s', owner.version, 1_000);
      owner.take(page);
    }
    await environment.sleep(random() * 30);
    isLoaded = true;
    feed.start();
  })();
  for (let burst = 0; burst < BURSTS && owner.wrong.length === 0; burst += 1) {
    // Whoever loads has a line that does not fail.
    engine.failing = burst > 0 && random() < 0.5 ? 0.1 : 0;
    const writing = (async () => {
      for (let commits = 1 + Math.floor(random() * COMMITS_MAX); commits > 0; commits -= 1) {
        if (random() < 0.3) void storeItself();
        const events = someEvents(1 + Math.floor(random() * 3));
        await writer.append({ streamId: 's', expectedVersion: 'any', events });
        await environment.sleep(random() < 0.3 ? 0 : random() * 25);
      }
    })();
    await environment.run();
    await Promise.all([writing, loading]);
    const stored = await writer.streamVersion('s');
    if (owner.version !== stored) owner.wrong.push(`seed ${seed}: it has ${owner.version} of ${stored}`);
  }
  feed.stop();
  return owner.wrong;
}

describe('a feed that is woken late, twice, in another order, or without a word', () => {
  it('has everything in the end, though nothing else happens: loading, reading, storing or waiting to try again', async () => {
    const first = seedFor('LiveFeed');
    const wrong: string[] = [];
    for (let seed = first; seed < first + SEEDS; seed += 1) wrong.push(...(await play(seed)));
    expect(wrong).toEqual([]);
  });
});
