import { beforeAll, describe, expect, it } from '@jest/globals';
import { engineConformanceCases, runCase } from '../../lib/testing/conformance/index.js';
import { BrokenEngine, BrokenStore, SABOTAGES, type Sabotage } from './broken-engine.js';

/** Longest all cases together may take on one broken engine: some only fail by waiting in vain. */
const RUN_MS_MAX = 240_000;

/** How often a fault may hide. */
const TRIES_MAX = 3;

const names = engineConformanceCases.map(({ name }) => name);

/** Names of the cases that an engine with these faults fails; all of them run at the same time, each on a store of its own. */
async function failedWith(sabotages: readonly Sabotage[]): Promise<string[]> {
  const failed = await Promise.all(
    engineConformanceCases.map(async (each) => {
      const store = new BrokenStore();
      const newEngine = () => new BrokenEngine(store, new Set(sabotages));
      return runCase(each, async () => ({ newEngine, dispose: async () => {} })).then(
        () => [],
        () => [each.name],
      );
    }),
  );
  return failed.flat();
}

describe('the conformance suite', () => {
  it('has no two cases of one name', () => {
    expect(new Set(names).size).toBe(names.length);
  });

  it('is passed by the engine that is to be broken, as long as it is not', async () => {
    expect(await failedWith([])).toEqual([]);
  });
});

describe('an engine that is broken in every duty', () => {
  const failed = new Set<string>();
  beforeAll(async () => {
    // Some faults show only when two writers race: what was not found out gets another chance.
    for (let tries = 1; tries <= TRIES_MAX && failed.size < names.length; tries += 1) {
      for (const name of await failedWith(SABOTAGES)) failed.add(name);
    }
  }, RUN_MS_MAX);

  it.each(engineConformanceCases.map(({ duty, name }) => [duty, name]))('fails: %s: %s', (_duty, name) => {
    expect([...failed]).toContain(name);
  });
});

describe('an engine that is broken in one way only is found out when it', () => {
  const found = new Map<Sabotage, readonly string[]>();
  beforeAll(async () => {
    await Promise.all(SABOTAGES.map(async (sabotage) => found.set(sabotage, await failedWith([sabotage]))));
  }, RUN_MS_MAX);

  it.each(SABOTAGES)('%s', (sabotage) => {
    expect(found.get(sabotage)).not.toEqual([]);
  });

  it('fails every case in one of these ways, so none is there for nothing', () => {
    const caught = new Set([...found.values()].flat());
    expect(names.filter((name) => !caught.has(name))).toEqual([]);
  });
});
