import { describe, expect, it } from '@jest/globals';
import { BACKOFF_MS_MAX, BACKOFF_MS_MIN, Backoff } from '../../../lib/engine/environment/backoff.js';

describe('Backoff', () => {
  it('waits twice as long each time, less a random half, up to the limit', () => {
    for (let run = 0; run < 200; run += 1) {
      const backoff = new Backoff(10, 100);
      for (const wholeMs of [10, 20, 40, 80, 100, 100]) {
        const ms = backoff.nextMs();
        expect(ms).toBeGreaterThanOrEqual(wholeMs / 2);
        expect(ms).toBeLessThanOrEqual(wholeMs);
      }
    }
  });

  it('does not make everybody wait equally long', () => {
    expect(new Set(Array.from({ length: 20 }, () => new Backoff().nextMs())).size).toBeGreaterThan(10);
  });

  it('begins anew after a reset, at its named limits', () => {
    const backoff = new Backoff();
    for (let i = 0; i < 20; i += 1) backoff.nextMs();
    expect(backoff.nextMs()).toBeGreaterThanOrEqual(BACKOFF_MS_MAX / 2);
    backoff.reset();
    expect(backoff.nextMs()).toBeLessThanOrEqual(BACKOFF_MS_MIN);
  });
});
