import { appendCases } from './append-cases.js';
import { checkpointCases } from './checkpoint-cases.js';
import { followCases } from './follow-cases.js';
import { type ConformanceCase, type EngineFixture, runCase } from './kit/index.js';
import { lifecycleCases } from './lifecycle-cases.js';
import { messageCases } from './message-cases.js';
import { nodeCases } from './node-cases.js';
import { readCases } from './read-cases.js';
import { resumeCases } from './resume-cases.js';
import { snapshotCases } from './snapshot-cases.js';
import { tickCases } from './tick-cases.js';

/** All conformance cases: one for each promise of an engine, split by duty. */
export const engineConformanceCases: readonly ConformanceCase[] = [
  ...appendCases,
  ...readCases,
  ...followCases,
  ...resumeCases,
  ...snapshotCases,
  ...nodeCases,
  ...messageCases,
  ...tickCases,
  ...checkpointCases,
  ...lifecycleCases,
];

/** The part of a test runner that is used. Jest, Vitest, `node:test` and Mocha all have it. */
export interface TestRunner {
  describe(name: string, body: () => void): unknown;
  it(name: string, body: () => Promise<void>, timeoutMs: number): unknown;
}

/** Longest that a case may take, for runners that take a limit as the third argument of `it`. Milliseconds. */
const CASE_MS_MAX = 60_000;

/**
 * Runs the conformance suite of engines as tests of your runner.
 *
 * @param name the engine's name, for the titles of the tests.
 * @param newFixture makes a new, empty store for each case.
 * @param runner the runner's `describe` and `it`.
 * @example
 * ```ts
 * import { describe, it } from 'node:test';
 * import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
 * import { describeEngine } from 'omniscient-nest/testing';
 *
 * describeEngine('memory', async () => {
 *   const store = new MemoryStore();
 *   return { newEngine: () => new MemoryEngine({ store }), dispose: async () => {} };
 * }, { describe, it });
 * ```
 */
export function describeEngine(
  name: string,
  newFixture: () => Promise<EngineFixture>,
  { describe, it }: TestRunner,
): void {
  describe(`the ${name} engine keeps its duties`, () => {
    for (const each of engineConformanceCases) {
      it(`${each.duty}: ${each.name}`, () => runCase(each, newFixture), CASE_MS_MAX);
    }
  });
}
