import { describe, expect, it } from '@jest/globals';
import { SABOTAGES, type Sabotage } from './sabotage.js';
import { type Course, type SimulationOptions, simulate } from './simulation.js';

/** How long seeds are tried, unless SEEDS says how many: a slow machine gets through fewer. Milliseconds. */
const TRY_MS = 5_000;
const FROM = Number(process.env.FROM ?? 1);
const SEEDS = process.env.SEEDS ? Number(process.env.SEEDS) : undefined;
/** How long it takes to try as many seeds as anybody wants. Milliseconds. */
const TEST_MS_MAX = 24 * 3_600_000;

/** Runs one seed after another; says which of them went wrong, and how. */
async function tried(what: string, options: Omit<SimulationOptions, 'seed'>): Promise<string[]> {
  const wrong: string[] = [];
  const beganMs = performance.now();
  let appended = 0;
  let seed = FROM;
  const isOver = () => (SEEDS === undefined ? performance.now() - beganMs > TRY_MS : seed >= FROM + SEEDS);
  for (; !isOver(); seed += 1) {
    const course = await simulate({ ...options, seed });
    appended += course.appended;
    if (course.faults.length > 0) {
      wrong.push(told(course));
      process.stdout.write(`${what}: ${wrong.at(-1)}\n`);
    }
    if (seed % 25 === 0) process.stdout.write(`${what}: at seed ${seed}, ${wrong.length} went wrong\n`);
  }
  process.stdout.write(`${what}: seeds ${FROM} to ${seed - 1}, ${appended} appends, ${wrong.length} went wrong\n`);
  return wrong;
}

function told({ seed, faults, story }: Course): string {
  return `SEED ${seed}: ${faults.slice(0, 5).join('; ')}\n  ${story.slice(-40).join('\n  ')}`;
}

describe('the RethinkDB engine on a simulated cluster', () => {
  it('takes the same course for the same seed', async () => {
    expect(await simulate({ seed: 4 })).toEqual(await simulate({ seed: 4 }));
  });

  it(
    'loses nothing, does nothing twice and leaves no hole, whatever becomes of servers, nodes and what is between them',
    async () => {
      expect(await tried('rethinkdb-model', {})).toEqual([]);
    },
    TEST_MS_MAX,
  );

  it(
    'starts on servers that have nothing yet, however many nodes make the tables at once',
    async () => {
      expect(await tried('rethinkdb-model, new servers', { isFresh: true })).toEqual([]);
    },
    TEST_MS_MAX,
  );

  it.each([
    [100, 'both of the doubles stayed, and nobody could start'],
    [130, 'who claimed the tables was taken for somebody who uses them'],
    [184, 'the tables were marked while others still dropped theirs'],
  ])('starts on new servers with seed %i, with which it did not: %s', async (seed) => {
    expect((await simulate({ seed, isFresh: true })).faults).toEqual([]);
  });
});

/** Most seeds that are tried for one fault. */
const SEEDS_TO_FIND = 100;

/** With which seed each is found, and by what. */
const FOUND: Readonly<
  Record<keyof typeof SABOTAGES, readonly [Partial<SimulationOptions> & { seed: number }, RegExp]>
> = {
  'commits are read from their primary alone': [{ seed: 4 }, /none that ends before it|behind a hole/],
  'the log is read from its primary alone': [{ seed: 1 }, /none that ends there/],
  // Takes an election in the middle of an insert, and a read that comes before the second try.
  'what cannot be known is taken for refused': [
    { seed: 4, kinds: ['a table gets another primary', 'everything is slow'], pauseMsMax: 300 },
    /an event is stored at/,
  ],
  'a commit takes the place of another': [{ seed: 1 }, /another than was stored|is stored at no place/],
  'nothing is announced': [{ seed: 4 }, /have no position/],
  'what is in doubt is forgotten': [{ seed: 1 }, /announcements are left|have no position/],
  // Takes an election that rolls back the announcement alone, and a writer that dies after its second try.
  'what is in doubt is not announced again': [
    { seed: 8, kinds: ['a table gets another primary', 'a node is killed'], pauseMsMax: 300 },
    /have no position/,
  ],
  'what is sent again belongs to another batch': [{ seed: 1 }, /two positions/],
  'what has a place is placed again': [{ seed: 1 }, /two positions/],
  'tables are made where a server does not list them, and of two the one with the lower id stays': [
    { seed: 68, isFresh: true, hasDatabase: true, gossipMs: 4_000 },
    /behind a hole/,
  ],
};

describe('a fault put into the RethinkDB engine', () => {
  it.each(Object.entries(FOUND))('is found: %s', async (name, [options, symptom]) => {
    const sabotage: Sabotage = SABOTAGES[name as keyof typeof SABOTAGES];
    // It is the fault that is found, and nothing else.
    expect((await simulate(options)).faults).toEqual([]);
    const told: string[] = [];
    // The seed that found it first; whoever changes the engine changes its course, and then another one does.
    for (const seed of [options.seed, ...Array.from({ length: SEEDS_TO_FIND }, (_, i) => i + 1)]) {
      const { faults } = await simulate({ ...options, seed, sabotage });
      told.push(...faults);
      if (symptom.test(faults.join('\n'))) return;
    }
    expect(told.join('\n')).toMatch(symptom);
  });
});
