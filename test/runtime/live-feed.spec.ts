import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { Wake } from '../../lib/engine/follow.js';
import { SYSTEM } from '../../lib/engine/system-environment.js';
import { EngineError } from '../../lib/kernel/errors.js';
import type { EventRecord } from '../../lib/kernel/event.js';
import { LiveFeed } from '../../lib/runtime/live-feed.js';
import type { RuntimeParts } from '../../lib/runtime/settings.js';

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
