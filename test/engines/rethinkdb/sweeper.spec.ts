import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Announcements } from '../../../lib/engines/rethinkdb/commits/announcements.js';
import type { CommitReader } from '../../../lib/engines/rethinkdb/commits/commit-reader.js';
import type { PositionLog } from '../../../lib/engines/rethinkdb/commits/position-log.js';
import { Sweeper } from '../../../lib/engines/rethinkdb/commits/sweeper.js';
import { eventually } from '../../support/eventually.js';

/** How long one sweep takes here. Milliseconds. */
const SWEEP_TAKES_MS = 30;

describe('what sweeps up after lost writers', () => {
  let sweeps = 0;
  let running = 0;
  let mostAtOnce = 0;
  // Nothing is announced: it is only looked for.
  const announcements = {
    ids: async () => {
      sweeps += 1;
      running += 1;
      mostAtOnce = Math.max(mostAtOnce, running);
      await sleep(SWEEP_TAKES_MS);
      running -= 1;
      return [];
    },
    read: async () => [],
  };
  const sweeper = new Sweeper(announcements as unknown as Announcements, {} as PositionLog, {} as CommitReader);
  afterEach(() => sweeper.close());

  it('does so once at a time, and once more after whoever asked meanwhile', async () => {
    sweeper.start();
    const asked = 40;
    for (let i = 0; i < asked; i += 1) {
      sweeper.sweepSoon();
      await sleep(10);
    }
    while (running === 0) {
      sweeper.sweepSoon();
      await sleep(1);
    }
    const before = sweeps;
    sweeper.sweepSoon();
    sweeper.sweepSoon();
    expect(before).toBeGreaterThan(1);
    // The one that was asked for last.
    await eventually(() => sweeps > before);
    await sleep(10 * SWEEP_TAKES_MS);
    expect(sweeps).toBe(before + 1);
    expect(mostAtOnce).toBe(1);
  });
});
