import { describe, expect, it } from '@jest/globals';
import { Clock, InvalidIdError, OmniscientError } from 'omniscient-nest';
import { Counter } from '../../support/actors.js';
import { startNode } from '../../support/runtime.js';

class SteppingClock extends Clock {
  ms = Date.UTC(2026, 0, 1);
  now(): number {
    return (this.ms += 60_000);
  }
}

async function collect<T>(steps: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const step of steps) all.push(step);
  return all;
}

describe('replay', () => {
  it('gives each event with the state after it, frozen, and touches nothing', async () => {
    const { actors, node } = await startNode(Counter);
    const counter = await actors.get('a');
    await counter.add(1);
    await counter.note('hello');
    await counter.fire('reset');
    const steps = await collect(actors.replay('a'));
    expect(steps.map(({ event, state }) => [event.version, event.name, state.count, state.log])).toEqual([
      [1, 'added', 1, []],
      [2, 'noted', 1, ['hello']],
      [3, 'reset', 0, []],
    ]);
    expect(steps.every(({ event, state }) => Object.isFrozen(state) && Object.isFrozen(event.data))).toBe(true);
    expect(counter.version).toBe(3);
    await node.stop();
  });

  it('ends after a version or a time', async () => {
    const { actors, node } = await startNode(Counter, { clock: new SteppingClock() });
    const counter = await actors.get('a');
    for (let i = 0; i < 5; i += 1) await counter.add(1);
    const versions = async (until?: number | Date | string) =>
      (await collect(actors.replay('a', until === undefined ? {} : { until }))).length;
    expect(await versions(2)).toBe(2);
    expect(await versions('2026-01-01T00:03:00.000Z')).toBe(3);
    expect(await versions(new Date('2026-01-01T00:04:30.000Z'))).toBe(4);
    expect(await versions('2020-01-01')).toBe(0);
    expect(await versions()).toBe(5);
    await expect(collect(actors.replay('a', { until: 'the day before' }))).rejects.toBeInstanceOf(OmniscientError);
    await node.stop();
  });

  it('reads long streams page by page', async () => {
    const { actors, node } = await startNode(Counter);
    const counter = await actors.get('a');
    await Promise.all(Array.from({ length: 2_500 }, () => counter.add(1)));
    expect((await collect(actors.replay('a'))).at(-1)?.state.count).toBe(2_500);
    await node.stop();
  });
});

describe('ids', () => {
  it.each([
    ['', 'empty'],
    [7, 'number'],
    [undefined, 'undefined'],
    [null, 'null'],
    ['x'.repeat(1_001), '1001'],
    ['a\0b', 'NUL'],
    ['\ud800', 'surrogate'],
  ])('%p is refused everywhere, and the message says why', async (id, why) => {
    const { actors, node } = await startNode(Counter);
    const given = id as string;
    const state = new Promise((_, reject) => actors.state$(given).subscribe({ error: reject }));
    const events = new Promise((_, reject) => actors.events$(given).subscribe({ error: reject }));
    for (const refused of [actors.get(given), actors.exists(given), collect(actors.replay(given)), state, events]) {
      const error = await refused.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(InvalidIdError);
      expect((error as Error).message).toContain(why);
    }
    await node.stop();
  });

  it('of 1,000 characters and of every script name actors of their own', async () => {
    const { actors, node } = await startNode(Counter);
    const ids = ['x'.repeat(1_000), '漢字', 'é', 'e\u0301', '🎲', ' ', 'A', 'a'];
    for (const [i, id] of ids.entries()) await (await actors.get(id)).add(i + 1);
    for (const [i, id] of ids.entries()) expect((await actors.get(id)).state.count).toBe(i + 1);
    expect(await Promise.all([actors.exists('a'), actors.exists('b')])).toEqual([true, false]);
    await node.stop();
  });
});
