import { beforeAll, describe, expect, it } from '@jest/globals';
import { engineConformanceCases, runCase } from '../../lib/testing/conformance/index.js';
import { BrokenEngine, BrokenStore, SABOTAGES, type Sabotage } from './broken-engine.js';

/** Longest all cases together may take on one broken engine: some only fail by waiting in vain. */
const RUN_MS_MAX = 900_000;

/** How often a fault may hide. Where two writers race, it is the machine that says who is first. */
const TRIES_MAX = 50;

const names = engineConformanceCases.map(({ name }) => name);

/** Names of those cases that an engine with these faults fails. All run at the same time, each on a store of its own. */
async function failedWith(sabotages: readonly Sabotage[], cases = engineConformanceCases): Promise<string[]> {
  const failed = await Promise.all(
    cases.map(async (each) => {
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
    for (let tries = 1; tries <= TRIES_MAX && failed.size < names.length; tries += 1) {
      const hidden = engineConformanceCases.filter(({ name }) => !failed.has(name));
      for (const name of await failedWith(SABOTAGES, hidden)) failed.add(name);
    }
  }, RUN_MS_MAX);

  it.each(engineConformanceCases.map(({ duty, name }) => [duty, name]))('fails: %s: %s', (_duty, name) => {
    expect([...failed]).toContain(name);
  });
});

describe('an engine that is broken in one way only is found out when it', () => {
  const found = new Set<Sabotage>();
  const caught = new Set<string>();
  beforeAll(async () => {
    for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
      const hidden = engineConformanceCases.filter(({ name }) => !caught.has(name));
      if (hidden.length === 0 && found.size === SABOTAGES.length) return;
      const run = async (sabotage: Sabotage) => {
        const failed = await failedWith([sabotage], found.has(sabotage) ? hidden : engineConformanceCases);
        if (failed.length > 0) found.add(sabotage);
        for (const name of failed) caught.add(name);
      };
      await Promise.all(SABOTAGES.map(run));
    }
  }, RUN_MS_MAX);

  it.each(SABOTAGES)('%s', (sabotage) => {
    expect([...found]).toContain(sabotage);
  });

  it('fails every case in one of these ways, so none is there for nothing', () => {
    expect(names.filter((name) => !caught.has(name))).toEqual([]);
  });
});
