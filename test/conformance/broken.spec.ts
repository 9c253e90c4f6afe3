import { describe, expect, it } from '@jest/globals';
import { engineConformanceCases, runCase } from '../../lib/testing/conformance/index.js';
import { BrokenEngine, BrokenStore, SABOTAGES, type Sabotage } from './broken-engine.js';

/** Longest a case may take on a broken engine: some only fail by waiting in vain. */
const CASE_MS_MAX = 20_000;

async function failsWith(caseName: string, sabotages: ReadonlySet<Sabotage>): Promise<boolean> {
  const conformanceCase = engineConformanceCases.find(({ name }) => name === caseName);
  if (!conformanceCase) throw new Error(`no case '${caseName}'`);
  const store = new BrokenStore();
  const fixture = async () => ({ newEngine: () => new BrokenEngine(store, sabotages), dispose: async () => {} });
  return runCase(conformanceCase, fixture).then(
    () => false,
    () => true,
  );
}

describe('an engine that is broken in every duty', () => {
  for (const { duty, name } of engineConformanceCases) {
    it(
      `fails: ${duty}: ${name}`,
      async () => expect(await failsWith(name, new Set(SABOTAGES))).toBe(true),
      CASE_MS_MAX,
    );
  }

  it('passes every case when nothing is sabotaged, so it is the sabotage that fails', async () => {
    const failed = [];
    for (const { name } of engineConformanceCases) if (await failsWith(name, new Set())) failed.push(name);
    expect(failed).toEqual([]);
  });
});

describe('an engine that is broken in one way only is found out', () => {
  const caught = new Set<string>();

  it.each(SABOTAGES)(
    '%s',
    async (sabotage) => {
      const names = engineConformanceCases.map(({ name }) => name);
      const failed = await Promise.all(names.map((name) => failsWith(name, new Set([sabotage]))));
      for (const [i, name] of names.entries()) if (failed[i]) caught.add(name);
      expect(failed).toContain(true);
    },
    CASE_MS_MAX,
  );

  it('and every case finds at least one of them, so none is there for nothing', () => {
    expect(engineConformanceCases.map(({ name }) => name).filter((name) => !caught.has(name))).toEqual([]);
  });
});
