import assert from 'node:assert/strict';
import type { Engine, TickSchedule } from '../../engine/duties/index.js';
import { type ConformanceCase, pause } from './kit/index.js';

function schedules(count: number, owner = 'n1', actor = 'Clock', since = 1): TickSchedule[] {
  return Array.from({ length: count }, (_, i) => ({ streamId: `clock-${i}`, actor, id: `${i}`, owner, since }));
}

const keyOf = ({ streamId, actor }: TickSchedule) => JSON.stringify([streamId, actor]);
const sorted = (some: readonly TickSchedule[]) => [...some].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));

async function allOf(engine: Engine, owner: string, pageSize: number): Promise<TickSchedule[]> {
  const all: TickSchedule[] = [];
  for (;;) {
    assert.ok(all.length < 100_000, 'the pages never end');
    const page = await engine.schedulesOf(owner, pageSize, all.at(-1));
    if (page.length === 0) return all;
    assert.ok(page.length <= pageSize);
    all.push(...page);
  }
}

export const tickCases: readonly ConformanceCase[] = [
  {
    duty: 'ticks',
    name: 'keeps the first schedule of a stream and class, and gives what is kept in the order asked',
    async run(engines) {
      const [one, other] = await engines(2);
      assert.ok(other);
      const [a, b, c] = schedules(3) as [TickSchedule, TickSchedule, TickSchedule];
      assert.deepEqual(await one.addSchedules([b]), [b]);
      const late = { ...b, owner: 'n2' };
      const otherClass = { ...b, actor: 'Bell', owner: 'n2' };
      assert.deepEqual(await other.addSchedules([c, late, a, otherClass]), [c, b, a, otherClass]);
      assert.deepEqual(sorted(await one.schedulesOf('n1', 100)), [a, b, c]);
      assert.deepEqual([...(await one.scheduleOwners())].sort(), ['n1', 'n2']);
      assert.deepEqual(await one.addSchedules([]), []);
    },
  },
  {
    duty: 'ticks',
    name: 'gives thousands of schedules in pages, also after it was closed, with ids of any kind',
    async run(engines) {
      const [before] = await engines();
      const odd = ["o'Neill", 'ÜBER "x" %_', 'a'.repeat(1_000), 'A'.repeat(1_000)];
      const some = [
        ...schedules(2_500),
        ...odd.map((id) => ({ streamId: `p-${id}`.slice(0, 1_000), actor: 'Clock', id, owner: 'n1', since: 3 })),
      ];
      for (let i = 0; i < some.length; i += 1_000) await before.addSchedules(some.slice(i, i + 1_000));
      await before.close();
      const [after] = await engines();
      assert.deepEqual(sorted(await allOf(after, 'n1', 700)), sorted(some));
    },
  },
  {
    duty: 'ticks',
    name: 'removes schedules only of the owner that is named',
    async run(engines) {
      const [engine] = await engines();
      const [a, b] = schedules(2) as [TickSchedule, TickSchedule];
      await engine.addSchedules([a, b]);
      await engine.removeSchedules([{ ...a, owner: 'n2' }, b, { ...b, streamId: 'none' }]);
      assert.deepEqual(sorted(await engine.schedulesOf('n1', 10)), [a]);
      await engine.removeSchedules([a]);
      assert.deepEqual(await engine.scheduleOwners(), []);
    },
  },
  {
    duty: 'ticks',
    name: 'keeps the highest version that a schedule was added at, and its first owner, in whatever order they are added',
    async run(engines) {
      const [one, other] = await engines(2);
      assert.ok(other);
      const [a, b] = schedules(2) as [TickSchedule, TickSchedule];
      assert.deepEqual(await one.addSchedules([{ ...a, since: 4 }]), [{ ...a, since: 4 }]);
      assert.deepEqual(await other.addSchedules([{ ...a, owner: 'n2', since: 7 }]), [{ ...a, since: 7 }]);
      assert.deepEqual(await one.addSchedules([{ ...a, since: 5 }]), [{ ...a, since: 7 }]);
      const last = { ...b, since: 9_007_199_254_740_991 };
      const twice = await one.addSchedules([b, last, b]);
      assert.deepEqual(twice.at(-1), last);
      assert.deepEqual(sorted(await other.schedulesOf('n1', 10)), [{ ...a, since: 7 }, last]);
      assert.deepEqual(sorted(await other.takeSchedules('n1', 'n2', 10)), [
        { ...a, owner: 'n2', since: 7 },
        { ...last, owner: 'n2' },
      ]);
      assert.deepEqual(sorted(await one.schedulesOf('n2', 1)).length, 1);
    },
  },
  {
    duty: 'ticks',
    name: 'removes no schedule that was added at a higher version than the removal names, however late the removal comes',
    async run(engines) {
      const [one, other] = await engines(2);
      assert.ok(other);
      const [a, b, c] = schedules(3, 'n1', 'Clock', 5) as [TickSchedule, TickSchedule, TickSchedule];
      await one.addSchedules([a, b, c]);
      await other.addSchedules([{ ...b, owner: 'n2', since: 8 }]);
      await one.removeSchedules([
        { ...a, since: 4 },
        { ...b, since: 7 },
        { ...c, since: 6 },
      ]);
      assert.deepEqual(sorted(await one.schedulesOf('n1', 10)), [a, { ...b, since: 8 }]);
      await one.removeSchedules([a, { ...b, since: 8 }]);
      assert.deepEqual(await one.scheduleOwners(), []);
      await one.removeSchedules([]);
    },
  },
  {
    duty: 'ticks',
    name: 'decides on each of many schedules as it is when it is removed, while others add it anew',
    async run(engines) {
      const [one, other] = await engines(2);
      assert.ok(other);
      const old = schedules(200, 'n1', 'Clock', 1);
      const anew = schedules(200, 'n1', 'Clock', 3);
      await one.addSchedules(old);
      await Promise.all([one.removeSchedules(old.map((each) => ({ ...each, since: 2 }))), other.addSchedules(anew)]);
      assert.deepEqual(sorted(await allOf(one, 'n1', 1_000)), sorted(anew));
    },
  },
  {
    duty: 'ticks',
    name: 'gives each schedule of a node that is gone to exactly one of those that take over',
    async run(engines) {
      const takers = await engines(3);
      const some = schedules(300, 'gone');
      await takers[0].addSchedules([...some, ...schedules(1, 'alive', 'Bell')]);
      const taken = await Promise.all(
        takers.map(async (engine, i) => {
          const own: TickSchedule[] = [];
          for (let rounds = 0; ; rounds += 1) {
            assert.ok(rounds < 1_000, 'some schedules are never given to anybody');
            await pause(0);
            const page = await engine.takeSchedules('gone', `n${i}`, 25);
            assert.ok(page.length <= 25);
            // Others may already have taken everything that this one saw.
            if (page.length === 0 && (await engine.schedulesOf('gone', 1)).length === 0) return own;
            own.push(...page);
          }
        }),
      );
      for (const [i, own] of taken.entries()) {
        assert.ok(own.every(({ owner }) => owner === `n${i}`));
        assert.deepEqual(sorted(await allOf(takers[0], `n${i}`, 1_000)), sorted(own));
      }
      assert.deepEqual(sorted(taken.flat()).map(keyOf), sorted(some).map(keyOf));
      assert.deepEqual(sorted(await takers[0].schedulesOf('alive', 10)), schedules(1, 'alive', 'Bell'));
    },
  },
];
