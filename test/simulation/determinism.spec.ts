import { describe, expect, it } from '@jest/globals';
import { FAULT_NAMES } from 'omniscient-nest/testing';
import { planOf, runCourse } from '../../lib/testing/simulation/simulate.js';
import { WORKLOADS } from './workloads/index.js';

/** Seeds of each workload. */
const SEEDS = [3, 4];

describe('A course of a simulation', () => {
  it.each(Object.keys(WORKLOADS))(
    'is the same, event for event, with the same seed, and another with another: %s',
    async (name) => {
      const traces: string[] = [];
      for (const seed of SEEDS) {
        const [once, again] = [await traceOf(name, seed), await traceOf(name, seed)];
        expect(once.length).toBeGreaterThan(100);
        expect(again).toEqual(once);
        traces.push(once.join('\n'));
      }
      expect(new Set(traces).size).toBe(SEEDS.length);
    },
  );

  it('is the same with every kind of fault in it', async () => {
    const counts = new Map<string, number>();
    for (const fault of FAULT_NAMES) {
      const plan = planOf({
        ...(WORKLOADS.accounts as (typeof WORKLOADS)[string]),
        faults: [fault],
        chaosMs: 1_500,
        settleMs: 500,
      });
      const [one, other] = [await runCourse(7, plan), await runCourse(7, plan)];
      expect(other.world.trace.lines()).toEqual(one.world.trace.lines());
      for (const [name, count] of one.world.faults.counts) counts.set(name, count);
    }
    expect([...counts.keys()].length).toBeGreaterThan(20);
  });
});

async function traceOf(name: string, seed: number): Promise<string[]> {
  const { world } = await runCourse(seed, planOf(WORKLOADS[name] as (typeof WORKLOADS)[string]));
  return world.trace.lines();
}
