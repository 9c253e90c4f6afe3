import { describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { Clock, EventSourcingModule, EventSubscriptions, getActorToken, Ids } from 'omniscient-nest';
import { MemoryEngine } from 'omniscient-nest/memory';
import { ManualClock, SequentialIds } from 'omniscient-nest/testing';
import { lastValueFrom, take, toArray } from 'rxjs';
import { Player } from './actors.js';

describe('ManualClock', () => {
  it('stands still until it is moved, and can be set', () => {
    const clock = new ManualClock('2024-02-29T12:00:00Z');
    expect(clock.now()).toBe(Date.UTC(2024, 1, 29, 12));
    clock.advance(1_500);
    expect(clock.now()).toBe(Date.UTC(2024, 1, 29, 12, 0, 1, 500));
    clock.set(new Date(7));
    expect(clock.now()).toBe(7);
    clock.set(8);
    expect(clock.now()).toBe(8);
    expect(new ManualClock().now()).toBe(Date.UTC(2020, 0, 1));
  });

  it('refuses what is no time', () => {
    expect(() => new ManualClock('soon')).toThrow(expect.objectContaining({ code: 'INVALID_TIME' }));
    expect(() => new ManualClock().set(Number.NaN)).toThrow(expect.objectContaining({ code: 'INVALID_TIME' }));
    for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY, '5' as never]) {
      expect(() => new ManualClock().advance(ms)).toThrow(expect.objectContaining({ code: 'INVALID_TIME' }));
    }
  });
});

describe('SequentialIds', () => {
  it('gives ids that can be foretold, one series or several', () => {
    const [ids, others] = [new SequentialIds(), new SequentialIds(12)];
    expect([ids.next(), ids.next(), others.next()]).toEqual([
      '00000000-0000-4000-8000-000000000001',
      '00000000-0000-4000-8000-000000000002',
      '00000012-0000-4000-8000-000000000001',
    ]);
  });
});

describe('An application under test', () => {
  it('takes both', async () => {
    const clock = new ManualClock('2024-02-29T12:00:00Z');
    const module = await Test.createTestingModule({
      imports: [EventSourcingModule.forRoot({ engine: new MemoryEngine() }), EventSourcingModule.forFeature([Player])],
    })
      .overrideProvider(Clock)
      .useValue(clock)
      .overrideProvider(Ids)
      .useValue(new SequentialIds())
      .compile();
    const players = module.get(getActorToken(Player));
    const player = await players.get('ada');
    await player.loseLife();
    clock.advance(1_000);
    await player.loseLife();
    const events = await lastValueFrom(module.get(EventSubscriptions).stream$('ada').pipe(take(2), toArray()));
    expect(events.map(({ metadata }) => metadata.at)).toEqual(['2024-02-29T12:00:00.000Z', '2024-02-29T12:00:01.000Z']);
    expect(events.map(({ id }) => id).every((id) => /^00000000-0000-4000-8000-\d{12}$/.test(id))).toBe(true);
    await module.close();
  });
});
