import { describe, expect, it } from '@jest/globals';
import { CoalescedWork } from '../../../lib/engine/environment/coalesced-work.js';

describe('CoalescedWork', () => {
  it('gives everybody a run that began after they asked, one at a time, and as few as that takes', async () => {
    let begun = 0;
    let running = 0;
    const ends: (() => void)[] = [];
    const work = new CoalescedWork(async () => {
      begun += 1;
      running += 1;
      expect(running).toBe(1);
      await new Promise<void>((resolve) => ends.push(resolve));
      running -= 1;
    });
    const served: string[] = [];
    const ask = (who: string) => void work.run().then(() => served.push(who));
    ask('first');
    for (const who of ['second', 'third', 'fourth']) ask(who);
    expect(begun).toBe(1);
    ends.shift()?.();
    await until(() => begun === 2);
    expect(served).toEqual(['first']);
    ask('fifth');
    ends.shift()?.();
    await until(() => begun === 3);
    expect(served).toEqual(['first', 'second', 'third', 'fourth']);
    ends.shift()?.();
    await until(() => served.length === 5);
    ask('last');
    expect(begun).toBe(4);
    ends.shift()?.();
  });

  it('one that fails fails for those it was for', async () => {
    let runs = 0;
    const work = new CoalescedWork(async () => {
      runs += 1;
      const isFirst = runs === 1;
      await Promise.resolve();
      if (isFirst) throw new Error('no');
    });
    const [first, second] = [work.run(), work.run()];
    await expect(first).rejects.toThrow('no');
    await second;
    await work.run();
  });
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}
