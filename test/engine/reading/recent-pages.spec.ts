import { describe, expect, it } from '@jest/globals';
import { RecentPages } from '../../../lib/engine/reading/recent-pages.js';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import { randomFrom, seedFor } from '../../support/seed.js';

const event = (position: number, data = '{}'): EventRecord => {
  return { id: `e${position}`, streamId: 's', version: position, position, name: 'happened', data, metadata: '{}' };
};
const positions = (events: readonly EventRecord[]) => events.map(({ position }) => position);

describe('RecentPages', () => {
  it('give what a read would have given up to there, whatever was read in whatever order', () => {
    const random = randomFrom(seedFor('RecentPages'));
    const upTo = (limit: number) => Math.floor(random() * limit);
    let given = 0;
    for (let round = 0; round < 100; round += 1) {
      const recent = new RecentPages();
      /** Positions of what is asked for; between them lies what is not. */
      const all = Array.from({ length: 3_000 }, (_, i) => i + 1).filter(() => random() < 0.5);
      for (let step = 0; step < 100; step += 1) {
        const [after, end] = [upTo(3_000), 1 + upTo(100)];
        const owed = all.filter((position) => position > after && position <= after + end);
        recent.add('all', after, { events: owed.map((position) => event(position)), upTo: after + end, ended: false });
        const [from, limit] = [Math.max(0, after + upTo(200) - 100), 1 + upTo(50)];
        const page = recent.pageAfter('all', from, limit);
        if (!page) continue;
        given += 1;
        expect(page.upTo).toBeGreaterThan(from);
        expect(page.events.length).toBeLessThanOrEqual(limit);
        expect(page.ended).toBe(false);
        expect(positions(page.events)).toEqual(all.filter((position) => position > from && position <= page.upTo));
      }
    }
    expect(given).toBeGreaterThan(100);
  });

  it('are the newest: a reader of the past drives nothing out', () => {
    const recent = new RecentPages();
    recent.add('all', 0, { events: [event(1), event(2)], upTo: 2, ended: false });
    recent.add('all', 500, { events: [event(501)], upTo: 510, ended: true });
    recent.add('all', 2, { events: [event(3)], upTo: 3, ended: false });
    expect(recent.pageAfter('all', 0, 10)).toBeUndefined();
    expect(recent.pageAfter('all', 500, 10)).toEqual({ events: [event(501)], upTo: 510, ended: false });
    expect(recent.pageAfter('all', 510, 10)).toBeUndefined();
    expect(recent.pageAfter('others', 500, 10)).toBeUndefined();
  });

  it('are bounded in number, in length, and in how many questions there are', () => {
    const recent = new RecentPages();
    const held = (question: string) => {
      for (let after = 0; after < 20_000; after += 1) {
        const page = recent.pageAfter(question, after, Number.POSITIVE_INFINITY);
        if (page) return page.events.length;
      }
      return 0;
    };
    for (let i = 1; i <= 5_000; i += 1) recent.add('small', i - 1, { events: [event(i)], upTo: i, ended: true });
    expect(held('small')).toBe(1_000);
    const long = 'x'.repeat(100_000);
    for (let i = 1; i <= 50; i += 1) recent.add('large', i - 1, { events: [event(i, long)], upTo: i, ended: true });
    expect(held('large')).toBe(10);
    for (let i = 0; i < 15; i += 1) recent.add(`q${i}`, 0, { events: [event(1)], upTo: 1, ended: true });
    expect([held('small'), held('large'), held('q14')]).toEqual([0, 10, 1]);
  });
});
