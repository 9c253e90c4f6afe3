import { afterEach, describe, expect, it } from '@jest/globals';
import type { Announcements } from '../../../lib/engines/rethinkdb/commits/announcements.js';
import type { CommitReader } from '../../../lib/engines/rethinkdb/commits/commit-reader.js';
import type { PositionLog } from '../../../lib/engines/rethinkdb/commits/position-log.js';
import { Sweeper } from '../../../lib/engines/rethinkdb/commits/sweeper.js';
import { VirtualEnvironment } from '../../support/virtual-environment.js';

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
      await time.sleep(SWEEP_TAKES_MS);
      running -= 1;
      return [];
    },
    read: async () => [],
  };
  const time = new VirtualEnvironment(1);
  const [log, reader] = [{} as PositionLog, {} as CommitReader];
  const sweeper = new Sweeper(announcements as unknown as Announcements, log, reader, time);
  afterEach(() => sweeper.close());

  it('does so once at a time, and once more after whoever asked meanwhile', async () => {
    sweeper.start();
    const passes = async (ms: number) => {
      let isOver = false;
      time.setTimeout(() => {
        isOver = true;
      }, ms);
      await time.run(() => isOver);
    };
    for (let asked = 0; asked < 40; asked += 1) {
      sweeper.sweepSoon();
      await passes(10);
    }
    expect(sweeps).toBeGreaterThan(1);
    sweeper.sweepSoon();
    await time.run(() => running === 1);
    const before = sweeps;
    sweeper.sweepSoon();
    sweeper.sweepSoon();
    // Long before it would be done again without being asked for.
    await passes(10 * SWEEP_TAKES_MS);
    expect(sweeps).toBe(before + 1);
    expect(mostAtOnce).toBe(1);
  });
});
