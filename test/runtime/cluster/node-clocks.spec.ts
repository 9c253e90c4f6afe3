import { describe, expect, it } from '@jest/globals';
import { NodeClocks } from '../../../lib/runtime/cluster/node-clocks.js';
import { randomFrom, seedFor } from '../../support/seed.js';

const TOLERANCE_MS = 1_000;
/** Longest a heartbeat takes until it is read, and until a node reads it that was frozen. Milliseconds. */
const DELAY_MS_MAX = 900;
const LATE_MS_MAX = 8_000;
const HOUR_MS = 3_600_000;

const seed = seedFor('node-clocks');

describe('NodeClocks', () => {
  it('never says that more time has passed than has, however the clock is set and the heartbeats are late', () => {
    for (let i = 0; i < 500; i += 1) {
      const random = randomFrom(seed + i);
      const clocks = new NodeClocks(TOLERANCE_MS);
      let aheadMs = (random() - 0.5) * 2 * HOUR_MS;
      const written: { atMs: number; trueMs: number }[] = [];
      let nowMs = 1e6;
      const check = () => {
        for (const { atMs, trueMs } of written.slice(-10)) {
          const passedMs = clocks.elapsed('n', atMs, nowMs)?.ms as number;
          const isTooMuch = passedMs > nowMs - trueMs + 0.001;
          if (isTooMuch) throw new Error(`SEED=${seed + i}: ${passedMs} of ${nowMs - trueMs} ms`);
        }
      };
      for (let step = 0; step < 40; step += 1) {
        nowMs += random() * 2_000;
        // Set a few times, and always read again before anything more is written.
        if (random() < 0.1) aheadMs += (random() < 0.5 ? -1 : 1) * (5 * 60_000 + random() * HOUR_MS);
        const isLate = random() < 0.2;
        const delayMsMax = isLate ? LATE_MS_MAX : DELAY_MS_MAX;
        clocks.read('n', nowMs + aheadMs, nowMs + random() * delayMsMax, isLate ? LATE_MS_MAX : undefined);
        written.push({ atMs: nowMs + aheadMs, trueMs: nowMs });
        nowMs += delayMsMax;
        check();
        // Some are looked at before any time has passed.
        written.push({ atMs: nowMs + aheadMs, trueMs: nowMs });
        check();
      }
    }
  });

  it('says how much has passed to within the delay of heartbeats, while the clock is not set', () => {
    const random = randomFrom(seed);
    const clocks = new NodeClocks(TOLERANCE_MS);
    for (let nowMs = 0; nowMs < 60_000; nowMs += 500)
      clocks.read('n', nowMs + HOUR_MS, nowMs + random() * DELAY_MS_MAX);
    const { ms, watchedMs } = clocks.elapsed('n', 30_000 + HOUR_MS, 70_000) as { ms: number; watchedMs: number };
    expect(ms).toBeLessThanOrEqual(40_000);
    expect(ms).toBeGreaterThanOrEqual(40_000 - DELAY_MS_MAX);
    expect(watchedMs).toBeGreaterThan(69_000);
  });

  it('learns from a late reading that a clock was set, and from the next one how far', () => {
    const clocks = new NodeClocks(TOLERANCE_MS);
    clocks.read('n', HOUR_MS, 100);
    // Set back by an hour; written at 5,000 and read at 12,000.
    clocks.read('n', 5_000, 12_000, LATE_MS_MAX);
    const ms = () => clocks.elapsed('n', 10_000, 20_000)?.ms as number;
    expect(ms()).toBeLessThanOrEqual(10_000);
    clocks.read('n', 13_000, 13_100);
    expect(ms()).toBeGreaterThanOrEqual(10_000 - DELAY_MS_MAX);
    expect(ms()).toBeLessThanOrEqual(10_000);
    // A late reading of the same setting takes nothing away from that.
    clocks.read('n', 14_000, 19_000, LATE_MS_MAX);
    expect(ms()).toBeGreaterThanOrEqual(10_000 - DELAY_MS_MAX);
  });

  it('knows nothing of clocks that it never read, and nothing of what is still to come', () => {
    const clocks = new NodeClocks(TOLERANCE_MS);
    expect(clocks.elapsed('n', 0, 1_000)).toBeUndefined();
    clocks.read('n', 500, 1_000);
    expect(clocks.elapsed('n', 600, 1_000)?.ms).toBe(0);
  });

  it('sees whether clocks agree, and whether one was set', () => {
    const clocks = new NodeClocks(TOLERANCE_MS);
    const agree = (nowMs: number) => clocks.agree(nowMs, nowMs, nowMs - 60_000, 2_000);
    clocks.read('a', 10_000, 10_500);
    expect(agree(11_000)).toBe(true);
    clocks.read('b', 10_000 + HOUR_MS, 10_500);
    expect(agree(11_000)).toBe(false);
    // That was long ago; what was set since then was set.
    expect(agree(100_000)).toBe(true);
    clocks.read('a', 99_000 - HOUR_MS, 99_500);
    clocks.read('a', 99_500, 100_000);
    expect(agree(100_000)).toBe(false);
  });

  it('remembers a bounded number of clocks, and of readings of each', () => {
    const clocks = new NodeClocks(TOLERANCE_MS);
    for (let i = 0; i < 10_001; i += 1) clocks.read(`n${i}`, 0, i);
    expect(clocks.elapsed('n0', 0, 20_000)).toBeUndefined();
    expect(clocks.elapsed('n1', 0, 20_000)).toBeDefined();
    for (let i = 1; i <= 100; i += 1) clocks.read('n1', i * HOUR_MS, 20_000);
    // Only by a reading that is forgotten was this so long ago.
    expect(clocks.elapsed('n1', 100 * HOUR_MS - 1_000, 20_000)?.ms).toBe(1_000);
    expect(clocks.elapsed('n1', 2 * HOUR_MS, 20_000)?.ms).toBe(91 * HOUR_MS);
  });
});
