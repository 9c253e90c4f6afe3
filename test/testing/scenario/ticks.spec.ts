import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import {
  Actor,
  Command,
  EventHandler,
  type EventInfo,
  ListenTo,
  LiveActor,
  type Tick,
  TickActor,
} from 'omniscient-nest';
import { Given } from 'omniscient-nest/testing';

@Actor()
class Metronome extends TickActor<{ beats: number[]; at: string[] }, object> {
  initialState() {
    return { beats: [] as number[], at: [] as string[] };
  }

  @Command()
  begin(everyMs: number, count?: number): void {
    this.startTicking({ everyMs, ...(count !== undefined && { count }) });
  }

  @Command()
  end(): void {
    this.stopTicking();
  }

  @Command()
  async rest(ms: number): Promise<void> {
    await sleep(ms);
  }

  @EventHandler()
  tick({ n }: Tick, { metadata }: EventInfo<'tick'>) {
    this.state.beats.push(n);
    this.state.at.push(metadata.at);
  }
}

/** Answers each tick. */
@Actor({ prefix: 'dancer-' })
class Dancer extends LiveActor<{ steps: number }, { stepped: { beat: number } }> {
  initialState() {
    return { steps: 0 };
  }

  @ListenTo<{ tick: Tick }, 'tick'>({ events: ['tick'], to: () => 'one' })
  onTick({ data }: { data: Tick }): void {
    this.fire('stepped', { beat: data.n });
  }

  @EventHandler()
  stepped() {
    this.state.steps += 1;
  }
}

describe('Ticks in a test', () => {
  const began = Given().When(Metronome, 'begin', 1_000);

  it('are exactly those that are due in the time that passes, stored in order and at their time', async () => {
    await began
      .After(3_500)
      .Then([1, 2, 3].map((n) => ({ name: 'tick' as const, data: { n, missed: 0 } })))
      .AndState({
        beats: [1, 2, 3],
        at: ['2020-01-01T00:00:01.000Z', '2020-01-01T00:00:02.000Z', '2020-01-01T00:00:03.000Z'],
      });
  });

  it('are due to the millisecond, however the time is cut', async () => {
    await began
      .After(999)
      .Then([])
      .After(1)
      .Then([{ name: 'tick' }])
      .After(0)
      .Then([])
      .After(999)
      .Then([]);
    const inPieces = [300, 300, 300, 300, 300, 499].reduce((chain, ms) => chain.After(ms), began);
    await inPieces
      .AndState({ beats: [1] })
      .After(1)
      .AndState({ beats: [1, 2] });
    await Given()
      .When(Metronome, 'begin', 12.5)
      .After(100)
      .AndState({ beats: [1, 2, 3, 4, 5, 6, 7, 8] });
  });

  it('do not happen by the clock of the machine', async () => {
    await Given()
      .When(Metronome, 'begin', 10)
      .When(Metronome, 'rest', 100)
      .Then([])
      .After(10)
      .AndState({ beats: [1] });
  });

  it('do not happen when the clock is set, nor are any missed', async () => {
    for (const time of ['2020-01-01T00:01:00Z', '2019-12-31T23:00:00Z']) {
      await began
        .After(1_000)
        .Then([{ name: 'tick', data: { n: 1, missed: 0 } }])
        .At(time)
        .Then([])
        .After(999)
        .Then([])
        .After(1)
        .Then([{ name: 'tick', data: { n: 2, missed: 0 } }]);
    }
  });

  it('end when they are stopped, or as many as were wanted', async () => {
    await began
      .After(1_000)
      .When(Metronome, 'end')
      .After(5_000)
      .AndState({ beats: [1] });
    await Given()
      .When(Metronome, 'begin', 1_000, 2)
      .After(5_000)
      .AndState({ beats: [1, 2] });
  });

  it('of several actors come in the order of their times', async () => {
    await Given()
      .As('slow')
      .When(Metronome, 'begin', 1_000)
      .As('fast')
      .When(Metronome, 'begin', 400)
      .After(1_900)
      .Then([1, 2, 1, 3, 4].map((n) => ({ name: 'tick' as const, data: { n, missed: '{number}' as const } })))
      .AndState({ beats: [1, 2, 3, 4] });
  });

  it('are reacted to before the next one', async () => {
    await began
      .After(2_000)
      .Then<Dancer>([
        { name: 'tick' },
        { name: 'stepped', data: { beat: 1 } },
        { name: 'tick' },
        { name: 'stepped', data: { beat: 2 } },
      ])
      .As('one')
      .AndState(Dancer, { steps: 2 });
  });

  it('also happen under fake timers', async () => {
    jest.useFakeTimers();
    try {
      await began.After(2_000).AndState({ beats: [1, 2] });
    } finally {
      jest.useRealTimers();
    }
  });

  it('are not more than a test can wait for', async () => {
    await expect(
      Promise.resolve(
        Given()
          .When(Metronome, 'begin', 10)
          .When(Metronome, 'end')
          .After(10 ** 9),
      ),
    ).resolves.toBeUndefined();
    await expect(Promise.resolve(Given().When(Metronome, 'begin', 10).After(100_010))).rejects.toThrow(
      'After 100010 ms\n  But more than 10000 ticks are due in that time',
    );
  });
});
