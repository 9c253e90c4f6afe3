import { describe, expect, it } from '@jest/globals';
import { ManualClock } from 'omniscient-nest/testing';
import { onAnotherDay } from '../../../lib/testing/world/another-day.js';

describe('On another day', () => {
  const daysLater = (ms: number) => Math.floor((ms - Date.now()) / 86_400_000);

  it('every way of asking for the time gives another one', () => {
    const clock = new ManualClock();
    const there = onAnotherDay(clock, () => ({
      now: Date.now(),
      made: new Date().setMilliseconds(0),
      text: Date.parse(Date()),
      clock: clock.now(),
    }));
    expect([there.now, there.made, there.text].map((ms) => daysLater(ms + 1_000))).toEqual([100, 100, 100]);
    expect(there.clock - clock.now()).toBe(100 * 86_400_000 + 3_723_004);
  });

  it('a date that is named is that date', () => {
    const there = onAnotherDay(new ManualClock(), () => ({
      text: new Date('2020-02-29T12:00:00Z').toISOString(),
      parts: new Date(Date.UTC(2020, 1, 29)).toISOString(),
      parsed: Date.parse('2020-02-29'),
      isDate: new Date() instanceof Date,
      name: Date.name,
    }));
    expect(there).toEqual({
      text: '2020-02-29T12:00:00.000Z',
      parts: '2020-02-29T00:00:00.000Z',
      parsed: Date.UTC(2020, 1, 29),
      isDate: true,
      name: 'Date',
    });
  });

  it('ends, also with an error', () => {
    const clock = new ManualClock('2020-01-01');
    const { Date: today } = globalThis;
    expect(() =>
      onAnotherDay(clock, () => {
        throw new Error('too late');
      }),
    ).toThrow('too late');
    expect(globalThis.Date).toBe(today);
    expect(clock.now()).toBe(Date.UTC(2020, 0, 1));
  });
});
